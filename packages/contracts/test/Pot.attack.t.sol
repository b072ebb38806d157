// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {IPot, PotTest} from "./PotTest.sol";

/// @dev What went wrong elsewhere, tried here. The numbers are those of the pitfalls that the design lists.
contract PotAttackTest is PotTest {
    function setUp() public override {
        super.setUp();
        open(10 ether);
    }

    function test_1_aPartPaymentDoesNotBurnTheVoucher() public {
        claim(worker, 7, 25 ether);
        vm.assertEq(claimed(worker, 7), 10 ether, "the counter rose by what was paid, not by what was asked");
        open(20 ether);
        vm.assertEq(claim(worker, 7, 25 ether), 15 ether, "the rest");
    }

    function test_2_noDepositTouchesAClose() public {
        uint32 closeAt = startClose();
        ITabcastPot.PotConfig memory cfg = config();
        vm.expectRevert();
        vm.prank(stranger);
        pot.deposit{value: 0}(cfg, 0, 0);
        vm.expectRevert();
        vm.prank(stranger);
        pot.deposit{value: 1}(cfg, 1, 0);
        vm.assertEq(pot.potState(id()).closeAt, closeAt, "closeAt");
    }

    function test_3_twoFormsOfOneSignaturePayOnce() public {
        bytes32 digest = pot.voucherDigest(id(), worker, 7, 1 ether);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER_KEY, digest);
        bytes memory compact = abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255));
        claim(worker, 7, 1 ether);
        pot.claim(config(), one(signedRow(worker, 7, 1 ether, compact)));
        vm.assertEq(credit(worker), 1 ether, "paid once");
    }

    function test_4_aVoucherOfAnotherPotIsUseless() public {
        ITabcastPot.PotConfig memory other = config();
        other.salt = bytes32("other");
        vm.prank(payer);
        pot.deposit{value: 5 ether}(other, 5 ether, 0);
        vm.assertEq(pot.claim(other, one(voucher(worker, 7, 1 ether))), 0, "crossed pots");
    }

    function test_4_aVoucherOfAnotherContractIsUseless() public {
        ITabcastPot.VoucherClaim memory row = voucher(worker, 7, 1 ether);
        pot = deploy(0, address(0), address(0));
        open(10 ether);
        vm.assertEq(pot.claim(config(), one(row)), 0, "crossed contracts");
    }

    function test_4_aPotsOwnIdIsNoVoucher() public {
        bytes memory sig = signature(SIGNER_KEY, id());
        vm.assertEq(pot.claim(config(), one(signedRow(worker, 7, 1 ether, sig))), 0, "crossed types");
    }

    function test_5_aFinalPotNeverOpensAgain() public {
        claim(worker, 7, 1 ether);
        finalize();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotIsFinal.selector, id()));
        vm.prank(payer);
        pot.deposit{value: 1 ether}(config(), 1 ether, 0);
        vm.assertEq(credit(worker), 1 ether, "old vouchers pay nothing more");
    }

    function testFuzz_6_everyFieldIsInThePotId(uint8 field, uint256 by) public view {
        ITabcastPot.PotConfig memory cfg = config();
        field = uint8(bound(field, 0, 4));
        if (field == 0) cfg.payer = address(uint160(cfg.payer) ^ uint160(bound(by, 1, type(uint160).max)));
        if (field == 1) cfg.signer = address(uint160(cfg.signer) ^ uint160(bound(by, 1, type(uint160).max)));
        if (field == 2) cfg.token = address(uint160(bound(by, 1, type(uint160).max)));
        if (field == 3) cfg.challengePeriod ^= uint40(bound(by, 1, type(uint40).max));
        if (field == 4) cfg.salt ^= bytes32(bound(by, 1, type(uint256).max - 1));
        vm.assertTrue(pot.getPotId(cfg) != id(), "same id");
    }

    function test_7_aSignerCannotSpendAnotherPayersPot() public {
        ITabcastPot.PotConfig memory mine = config();
        mine.payer = stranger;
        mine.signer = vm.addr(OTHER_KEY);
        vm.prank(stranger);
        pot.deposit{value: 1}(mine, 1, 0);
        bytes32 digest = pot.voucherDigest(id(), stranger, 1, 10 ether);
        ITabcastPot.VoucherClaim[] memory rows = one(signedRow(stranger, 1, 10 ether, signature(OTHER_KEY, digest)));
        vm.assertEq(pot.claim(config(), rows), 0, "wrong key for that pot");
        vm.assertEq(pot.claim(mine, rows), 0, "wrong pot for that voucher");
    }

    function test_10_noFinalizeWithoutARequest() public {
        vm.warp(time() + 365 days);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotNotClosing.selector, id()));
        vm.prank(payer);
        pot.finalizeClose(config());
    }

    function test_11_ahugeVoucherLocksNothing() public {
        claim(worker, 7, type(uint96).max);
        vm.assertEq(credit(worker), 10 ether, "paid what there was");
        open(3 ether);
        vm.assertEq(claim(worker2, 1, 1 ether), 1 ether, "others are paid again");
    }

    function test_12_aClaimInTheLastSecondWins() public {
        vm.warp(startClose());
        claim(worker, 7, 4 ether);
        pot.finalizeClose(config());
        vm.assertEq(credit(worker), 4 ether, "worker");
        vm.assertEq(credit(payer), 6 ether, "payer");
    }

    /// forge-config: default.fuzz.runs = 200
    /// forge-config: nightly.fuzz.runs = 2000
    function testFuzz_13_oneBadRowBlocksNobody(uint256 seed) public {
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](5);
        uint256 bad = seed % 5;
        for (uint32 i = 0; i < 5; i++) {
            rows[i] = voucher(worker, i, 1 ether);
        }
        rows[bad].r = bytes32(seed);
        vm.assertEq(pot.claim(config(), rows), 4 ether, "four of five");
        vm.assertEq(claimed(worker, uint32(bad)), 0, "the bad one");
    }

    function test_14_anUnsignedClaimMovesNothing() public {
        vm.assertEq(pot.claim(config(), one(signedRow(worker, 7, 1 ether, ""))), 0, "paid");
    }

    function test_18_aRefusingPayeeHurtsOnlyItself() public {
        address bad = address(new Reverter());
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](2);
        rows[0] = voucher(bad, 1, 1 ether);
        rows[1] = voucher(worker, 7, 2 ether);
        vm.assertEq(pot.claim(config(), rows), 3 ether, "both credited");
        vm.expectRevert(bytes("no"));
        pot.withdraw(bad, address(0));
        vm.assertEq(credit(bad), 1 ether, "its credit stays");
        pot.withdraw(worker, address(0));
        vm.assertEq(worker.balance, 2 ether, "the other is paid");
        finalize();
        vm.prank(bad);
        pot.withdrawTo(address(0), worker2, 1 ether);
        vm.assertEq(worker2.balance, 1 ether, "it can still send it elsewhere");
    }

    function test_18_aGasEatingPayeeHurtsOnlyItself() public {
        address bad = address(new GasEater());
        claim(bad, 1, 1 ether);
        claim(worker, 7, 2 ether);
        (bool ok,) = address(pot).call{gas: 500_000}(abi.encodeCall(ITabcastPot.withdraw, (bad, address(0))));
        vm.assertTrue(!ok, "ate the gas");
        vm.assertEq(credit(bad), 1 ether, "its credit stays");
        pot.withdraw(worker, address(0));
        vm.assertEq(worker.balance, 2 ether, "the other is paid");
    }

    function test_21_zeroAmountsAreNoCalls() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAmount.selector));
        pot.withdraw(stranger, address(0));
    }

    function test_22_whoeverBringsAVoucherCannotChooseLess() public {
        claim(worker, 7, 1 ether);
        claim(worker, 7, 3 ether);
        vm.assertEq(claim(worker, 7, 2 ether), 0, "an older one changes nothing");
        vm.assertEq(credit(worker), 3 ether, "all that is due");
    }

    function test_23_aSignerWithCodeStillSignsByEcdsaOnly() public {
        vm.etch(signer, address(new YesMan()).code);
        bytes32 digest = pot.voucherDigest(id(), worker, 7, 1 ether);
        ITabcastPot.VoucherClaim[] memory rows = one(signedRow(worker, 7, 1 ether, signature(OTHER_KEY, digest)));
        vm.assertEq(pot.claim(config(), rows), 0, "its word is not asked");
        vm.assertEq(claim(worker, 7, 1 ether), 1 ether, "its signature is");
    }

    function test_25_aForkedChainHasOtherIds() public {
        ITabcastPot.VoucherClaim memory row = voucher(worker, 7, 1 ether);
        bytes32 before = id();
        vm.chainId(999);
        vm.assertTrue(id() != before, "same id on both chains");
        ITabcastPot.PotConfig memory cfg = config();
        bytes32 there = id();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotUnknown.selector, there));
        pot.claim(cfg, one(row));
    }

    function test_27_aHundredRowsFitInABlock() public {
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](100);
        for (uint32 i = 0; i < 100; i++) {
            rows[i] = voucher(address(uint160(0xabc000 + i)), i, 0.01 ether);
        }
        uint256 gas = gasleft();
        vm.assertEq(pot.claim(config(), rows), 1 ether, "paid");
        vm.assertLe(gas - gasleft(), 15_000_000, "half a block");
    }

    function test_aReceiverCannotReenter() public {
        Reenterer bad = new Reenterer(pot, config(), voucher(worker, 7, 5 ether));
        claim(address(bad), 1, 1 ether);
        pot.withdraw(address(bad), address(0));
        vm.assertEq(bad.tries(), 6, "it tried every way in");
        vm.assertEq(bad.entered(), 0, "none let it in");
        vm.assertEq(address(bad).balance, 1 ether, "paid once");
        vm.assertEq(address(pot).balance, 9 ether, "held");
    }

    function test_aSignerCannotReenterFromItsGas() public {
        Reenterer bad = new Reenterer(pot, config(), voucher(worker, 7, 5 ether));
        ITabcastPot.PotConfig memory cfg = config();
        cfg.signer = address(bad);
        vm.prank(payer);
        pot.deposit{value: 2 ether}(cfg, 1 ether, 1 ether);
        vm.assertEq(bad.tries(), 6, "it tried every way in");
        vm.assertEq(bad.entered(), 0, "none let it in");
    }

    function test_multicallSpendsItsValueNoTwice() public {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ITabcastPot.deposit, (config(), 1 ether, 0));
        calls[1] = calls[0];
        vm.prank(payer);
        (bool ok,) = address(pot).call{value: 1 ether}(abi.encodeWithSignature("multicall(bytes[])", calls));
        vm.assertTrue(!ok, "multicall takes no coins");
        vm.prank(payer);
        (ok,) = address(pot).call(abi.encodeWithSignature("multicall(bytes[])", calls));
        vm.assertTrue(!ok, "and a deposit inside it has none");
        vm.assertEq(balance(), 10 ether, "balance");
    }

    function test_plainCoinsAreRefused() public {
        vm.prank(payer);
        (bool ok,) = address(pot).call{value: 1 ether}("");
        vm.assertTrue(!ok, "nobody's coins");
    }

    function test_forcedCoinsChangeNoBooks() public {
        vm.deal(address(pot), address(pot).balance + 7 ether);
        finalize();
        vm.assertEq(credit(payer), 10 ether, "refund");
    }
}

contract Reverter {
    receive() external payable {
        revert("no");
    }
}

contract GasEater {
    receive() external payable {
        while (true) {}
    }
}

contract YesMan {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }
}

contract Reenterer {
    uint256 public tries;
    uint256 public entered;
    IPot private immutable pot;
    bytes[] private calls;

    constructor(IPot at, ITabcastPot.PotConfig memory cfg, ITabcastPot.VoucherClaim memory row) {
        pot = at;
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](1);
        rows[0] = row;
        calls.push(abi.encodeCall(ITabcastPot.withdraw, (address(this), address(0))));
        calls.push(abi.encodeCall(ITabcastPot.withdrawTo, (address(0), address(this), 1)));
        calls.push(abi.encodeCall(ITabcastPot.claim, (cfg, rows)));
        calls.push(abi.encodeCall(ITabcastPot.finalizeClose, (cfg)));
        calls.push(abi.encodeCall(ITabcastPot.startClose, (cfg)));
        bytes[] memory inner = new bytes[](1);
        inner[0] = calls[0];
        calls.push(abi.encodeWithSignature("multicall(bytes[])", inner));
    }

    receive() external payable {
        for (uint256 i = 0; i < calls.length; i++) {
            tries++;
            (bool ok, bytes memory why) = address(pot).call(calls[i]);
            // Only the guard's own refusal counts as kept out.
            if (ok || bytes4(why) != bytes4(keccak256("ReentrancyGuardReentrantCall()"))) entered++;
        }
    }
}
