// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {PotTest} from "./PotTest.sol";

contract PotClaimTest is PotTest {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function setUp() public override {
        super.setUp();
        open(10 ether);
    }

    function test_aVoucherBecomesCredit() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker, 7, 3 ether, 3 ether, 0);
        vm.assertEq(claim(worker, 7, 3 ether), 3 ether, "paid");
        vm.assertEq(credit(worker), 3 ether, "credit");
        vm.assertEq(claimed(worker, 7), 3 ether, "claimed");
        vm.assertEq(balance(), 7 ether, "balance");
    }

    function test_aHigherVoucherPaysOnlyTheDifference() public {
        claim(worker, 7, 3 ether);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker, 7, 1 ether, 4 ether, 0);
        vm.assertEq(claim(worker, 7, 4 ether), 1 ether, "paid");
        vm.assertEq(credit(worker), 4 ether, "credit");
    }

    function test_aStaleVoucherIsSkipped() public {
        claim(worker, 7, 3 ether);
        vm.expectEmit(address(pot));
        emit ITabcastPot.ClaimSkipped(id(), worker, 7, 3 ether, ITabcastPot.SkipReason.STALE);
        vm.assertEq(claim(worker, 7, 3 ether), 0, "paid again");
        vm.expectEmit(address(pot));
        emit ITabcastPot.ClaimSkipped(id(), worker, 7, 2 ether, ITabcastPot.SkipReason.STALE);
        vm.assertEq(claim(worker, 7, 2 ether), 0, "paid lower");
        vm.assertEq(credit(worker), 3 ether, "credit");
    }

    function test_aVoucherOverZeroIsStale() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.ClaimSkipped(id(), worker, 7, 0, ITabcastPot.SkipReason.STALE);
        claim(worker, 7, 0);
    }

    function test_anotherKeysVoucherIsSkipped() public {
        bytes32 digest = pot.voucherDigest(id(), worker, 7, 1 ether);
        skipped(signedRow(worker, 7, 1 ether, signature(OTHER_KEY, digest)));
    }

    function testFuzz_everySignedFieldIsBound(uint8 field, uint256 by) public {
        ITabcastPot.VoucherClaim memory row = voucher(worker, 7, 1 ether);
        field = uint8(bound(field, 0, 2));
        if (field == 0) row.payee = address(uint160(row.payee) ^ uint160(bound(by, 1, type(uint160).max)));
        if (field == 1) row.lane ^= uint32(bound(by, 1, type(uint32).max));
        if (field == 2) row.cumulative ^= uint96(bound(by, 1, type(uint96).max));
        if (row.cumulative == 0) row.cumulative = 2 ether;
        skipped(row);
    }

    function testFuzz_noOtherBytesPass(bytes calldata sig) public {
        skipped(signedRow(worker, 7, 1 ether, sig));
    }

    function test_highSIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER_KEY, pot.voucherDigest(id(), worker, 7, 1 ether));
        bytes memory sig = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        skipped(signedRow(worker, 7, 1 ether, sig));
    }

    function test_vZeroAndOneAreRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER_KEY, pot.voucherDigest(id(), worker, 7, 1 ether));
        skipped(signedRow(worker, 7, 1 ether, abi.encodePacked(r, s, v - 27)));
    }

    function test_compactSignaturesAreRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER_KEY, pot.voucherDigest(id(), worker, 7, 1 ether));
        bytes32 vs = bytes32(uint256(s) | uint256(v - 27) << 255);
        skipped(signedRow(worker, 7, 1 ether, abi.encodePacked(r, vs)));
    }

    function test_aSignatureThatRecoversToZeroIsRefused() public {
        skipped(signedRow(worker, 7, 1 ether, abi.encodePacked(bytes32(0), bytes32(uint256(1)), uint8(27))));
    }

    function test_anyoneMayClaimAndOnlyThePayeeGains() public {
        ITabcastPot.VoucherClaim memory row = voucher(worker, 7, 1 ether);
        vm.prank(stranger);
        pot.claim(config(), one(row));
        vm.assertEq(credit(worker), 1 ether, "payee");
        vm.assertEq(credit(stranger), 0, "watchtower");
    }

    function test_lanesOfOnePayeeCountApart() public {
        claim(worker, 1, 1 ether);
        claim(worker, 2, 2 ether);
        vm.assertEq(credit(worker), 3 ether, "credit");
        vm.assertEq(claimed(worker, 1), 1 ether, "lane 1");
        vm.assertEq(claimed(worker, 2), 2 ether, "lane 2");
    }

    function test_payeesWithTheSameLaneNumberCountApart() public {
        claim(worker, 1, 1 ether);
        claim(worker2, 1, 2 ether);
        vm.assertEq(claimed(worker, 1), 1 ether, "worker");
        vm.assertEq(claimed(worker2, 1), 2 ether, "worker2");
    }

    function test_aShortPotPaysWhatThereIsAndBounces() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker, 7, 10 ether, 10 ether, 0);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Bounced(id(), payer, worker, 7, 2 ether);
        vm.assertEq(claim(worker, 7, 12 ether), 10 ether, "paid");
        vm.assertEq(pot.bounces(payer), 1, "bounces");
        vm.assertEq(balance(), 0, "balance");
    }

    function test_anEmptyPotBouncesWithoutAPayment() public {
        claim(worker, 7, 10 ether);
        vm.recordLogs();
        vm.assertEq(claim(worker2, 1, 1 ether), 0, "paid");
        vm.assertEq(vm.getRecordedLogs().length, 1, "only Bounced");
        vm.assertEq(pot.bounces(payer), 1, "bounces");
    }

    function test_theSameVoucherBringsTheRestAfterATopUp() public {
        claim(worker, 7, 12 ether);
        open(5 ether);
        vm.assertEq(claim(worker, 7, 12 ether), 2 ether, "the rest was still owed");
        vm.assertEq(balance(), 3 ether, "balance");
    }

    function test_anEmptyBatchChangesNothing() public {
        vm.assertEq(pot.claim(config(), new ITabcastPot.VoucherClaim[](0)), 0, "paid");
        vm.assertEq(balance(), 10 ether, "balance");
    }

    function test_anUnknownPotReverts() public {
        ITabcastPot.PotConfig memory cfg = config();
        cfg.salt = bytes32("other");
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotUnknown.selector, pot.getPotId(cfg)));
        pot.claim(cfg, new ITabcastPot.VoucherClaim[](0));
    }

    function test_aFinalPotReverts() public {
        ITabcastPot.VoucherClaim memory row = voucher(worker, 7, 1 ether);
        finalize();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotIsFinal.selector, id()));
        pot.claim(config(), one(row));
    }

    function test_claimsGoOnWhileClosingAndAfterCloseAt() public {
        uint32 closeAt = startClose();
        claim(worker, 7, 1 ether);
        vm.warp(uint256(closeAt) + 30 days);
        claim(worker, 7, 2 ether);
        vm.assertEq(credit(worker), 2 ether, "credit");
    }

    /// Invariant 16: a batch equals its rows one by one, and an invalid row changes nothing for the others.
    /// forge-config: default.fuzz.runs = 200
    /// forge-config: nightly.fuzz.runs = 2000
    function testFuzz_aBatchIsItsRows(uint256 seed) public {
        uint256 length = bound(seed, 1, 12);
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](length);
        for (uint256 i = 0; i < length; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            address payee = seed & 1 == 0 ? worker : worker2;
            uint32 lane = uint32(seed >> 8 & 1);
            rows[i] = voucher(payee, lane, uint96(bound(seed >> 16, 0, 6 ether)));
            if (seed >> 200 & 3 == 0) rows[i].s ^= bytes32(uint256(1));
        }
        uint256 before = vm.snapshotState();
        uint256 together = pot.claim(config(), rows);
        uint256[8] memory a = books();
        vm.revertToState(before);
        uint256 apart;
        for (uint256 i = 0; i < length; i++) {
            apart += pot.claim(config(), one(rows[i]));
        }
        uint256[8] memory b = books();
        vm.assertEq(together, apart, "paid");
        for (uint256 i = 0; i < a.length; i++) {
            vm.assertEq(a[i], b[i], "books");
        }
    }

    /// Invariant 15: any order and repetition ends in the highest, when funds suffice.
    /// forge-config: default.fuzz.runs = 200
    /// forge-config: nightly.fuzz.runs = 2000
    function testFuzz_orderAndRepetitionDoNotMatter(uint256 seed) public {
        uint96[5] memory totals = [uint96(1 ether), 2 ether, 3 ether, 4 ether, 5 ether];
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](5);
        for (uint256 i = 0; i < 5; i++) {
            rows[i] = voucher(worker, 7, totals[i]);
        }
        bool sawHighest;
        for (uint256 i = 0; i < 8; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            sawHighest = sawHighest || seed % 5 == 4;
            pot.claim(config(), one(rows[seed % 5]));
        }
        if (!sawHighest) pot.claim(config(), one(rows[4]));
        vm.assertEq(claimed(worker, 7), 5 ether, "claimed");
        vm.assertEq(credit(worker), 5 ether, "credit");
    }

    /// Invariant 18: credit plus fee is what was paid.
    function testFuzz_creditPlusFeeIsPaid(uint16 feeBps, uint96 amount) public {
        feeBps = uint16(bound(feeBps, 0, 100));
        amount = uint96(bound(amount, 1, 10 ether));
        pot = deploy(feeBps, stranger, address(0));
        open(10 ether);
        uint96 fee = uint96(uint256(amount) * feeBps / 10_000);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker, 7, amount, amount, fee);
        claim(worker, 7, amount);
        vm.assertEq(credit(worker) + credit(stranger), amount, "sum");
        vm.assertEq(credit(stranger), fee, "fee");
        vm.assertEq(claimed(worker, 7), amount, "the lane counts the whole");
    }

    function skipped(ITabcastPot.VoucherClaim memory row) private {
        vm.expectEmit(address(pot));
        emit ITabcastPot.ClaimSkipped(id(), row.payee, row.lane, row.cumulative, ITabcastPot.SkipReason.BAD_SIGNATURE);
        vm.assertEq(pot.claim(config(), one(row)), 0, "paid");
        vm.assertEq(balance(), 10 ether, "balance");
        vm.assertEq(credit(row.payee), 0, "credit");
    }

    function books() private view returns (uint256[8] memory) {
        return [
            uint256(balance()),
            claimed(worker, 0),
            claimed(worker, 1),
            claimed(worker2, 0),
            claimed(worker2, 1),
            credit(worker),
            credit(worker2),
            pot.bounces(payer)
        ];
    }
}

contract PotPayTest is PotTest {
    function setUp() public override {
        super.setUp();
        open(10 ether);
    }

    function rows() private view returns (ITabcastPot.Payment[] memory list) {
        list = new ITabcastPot.Payment[](2);
        list[0] = ITabcastPot.Payment(worker, 1, 1 ether);
        list[1] = ITabcastPot.Payment(worker2, 2, 2 ether);
    }

    function test_thePayerPaysAllLanesAtOnce() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker, 1, 1 ether, 1 ether, 0);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker2, 2, 2 ether, 2 ether, 0);
        vm.prank(payer);
        vm.assertEq(pot.pay(config(), rows()), 3 ether, "paid");
        vm.assertEq(balance(), 7 ether, "balance");
        vm.assertEq(credit(worker) + credit(worker2), 3 ether, "credits");
    }

    function test_theSignerMayPay() public {
        vm.prank(signer);
        vm.assertEq(pot.pay(config(), rows()), 3 ether, "paid");
    }

    function testFuzz_nobodyElseMayPay(address caller) public {
        if (caller == payer || caller == signer) caller = stranger;
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.NotAuthorised.selector, id(), caller));
        vm.prank(caller);
        pot.pay(config(), rows());
    }

    function test_aVoucherThatWasPaidIsStale() public {
        vm.prank(payer);
        pot.pay(config(), rows());
        vm.assertEq(claim(worker, 1, 1 ether), 0, "paid twice");
        vm.expectEmit(address(pot));
        emit ITabcastPot.ClaimSkipped(id(), worker, 1, 1 ether, ITabcastPot.SkipReason.STALE);
        vm.prank(payer);
        vm.assertEq(pot.pay(config(), rows()), 0, "paid twice");
    }

    function test_payBouncesWhenThePotIsShort() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.Bounced(id(), payer, worker, 1, 5 ether);
        vm.prank(payer);
        vm.assertEq(pot.pay(config(), one(ITabcastPot.Payment(worker, 1, 15 ether))), 10 ether, "paid");
    }

    function test_unknownAndFinalPotsRevert() public {
        ITabcastPot.PotConfig memory cfg = config();
        cfg.salt = bytes32("other");
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotUnknown.selector, pot.getPotId(cfg)));
        vm.prank(payer);
        pot.pay(cfg, rows());
        finalize();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotIsFinal.selector, id()));
        vm.prank(payer);
        pot.pay(config(), rows());
    }

    function test_oneTransactionEndsAStream() public {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ITabcastPot.pay, (config(), rows()));
        calls[1] = abi.encodeCall(ITabcastPot.startClose, (config()));
        vm.prank(signer);
        pot.multicall(calls);
        vm.assertEq(credit(worker), 1 ether, "paid");
        vm.assertEq(pot.potState(id()).closeAt, time() + HOUR, "closing");
    }
}
