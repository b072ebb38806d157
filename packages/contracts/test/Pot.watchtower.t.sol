// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {PotTest} from "./PotTest.sol";

contract PotWatchtowerTest is PotTest {
    uint32 private constant FIVE_PERCENT = uint32(5) << 27 | 7;
    address private constant TOWER = address(0x70e4);
    ITabcastPot.PotConfig private cfg;
    uint32 private closeAt;

    function setUp() public override {
        super.setUp();
        open(10 ether);
        cfg = config();
        closeAt = startClose();
        vm.warp(closeAt - HOUR / 2);
    }

    function save(uint32 lane, uint96 cumulative) private returns (uint256 paid, uint256 share) {
        ITabcastPot.VoucherClaim[] memory rows = one(voucher(worker, lane, cumulative));
        vm.prank(stranger);
        return pot.claimAsWatchtower(cfg, rows, TOWER);
    }

    function test_theShareOfTheLaneGoesToTheBeneficiary() public {
        ITabcastPot.VoucherClaim[] memory rows = one(voucher(worker, FIVE_PERCENT, 2 ether));
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker, FIVE_PERCENT, 2 ether, 2 ether, 0.1 ether);
        vm.expectEmit(address(pot));
        emit ITabcastPot.WatchtowerPaid(id(), TOWER, 0.1 ether);
        vm.prank(stranger);
        (uint256 paid, uint256 share) = pot.claimAsWatchtower(cfg, rows, TOWER);
        vm.assertEq(paid, 2 ether, "paid");
        vm.assertEq(share, 0.1 ether, "share");
        vm.assertEq(credit(worker), 1.9 ether, "payee");
        vm.assertEq(credit(TOWER), 0.1 ether, "beneficiary");
        vm.assertEq(credit(stranger), 0, "not the sender");
        vm.assertEq(claimed(worker, FIVE_PERCENT), 2 ether, "the lane counts the whole");
        vm.assertEq(balance(), 8 ether, "balance");
    }

    function test_aBatchPaysOneShareOfAllItsLanes() public {
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](4);
        rows[0] = voucher(worker, FIVE_PERCENT, 2 ether);
        rows[1] = voucher(worker2, uint32(20) << 27, 1 ether);
        rows[2] = voucher(worker2, 3, 1 ether); // a lane that leaves nothing
        rows[3] = voucher(worker, FIVE_PERCENT, 1 ether); // stale
        (, uint256 share) = pot.claimAsWatchtower(cfg, rows, TOWER);
        vm.assertEq(share, 0.3 ether, "share");
        vm.assertEq(credit(TOWER), 0.3 ether, "credited");
        vm.assertEq(credit(worker), 1.9 ether, "worker");
        vm.assertEq(credit(worker2), 1.8 ether, "worker2");
    }

    function test_theFirstOfTwoRacingWatchtowersGetsIt() public {
        save(FIVE_PERCENT, 2 ether);
        ITabcastPot.VoucherClaim[] memory rows = one(voucher(worker, FIVE_PERCENT, 2 ether));
        vm.recordLogs();
        (uint256 paid, uint256 share) = pot.claimAsWatchtower(cfg, rows, stranger);
        vm.assertEq(paid + share, 0, "nothing is left");
        vm.assertEq(vm.getRecordedLogs().length, 1, "only ClaimSkipped");
        vm.assertEq(credit(stranger), 0, "beneficiary");
    }

    function testFuzz_theNumberOfTheLaneIsTheShare(uint32 lane, uint96 amount) public {
        amount = uint96(bound(amount, 1, 10 ether));
        uint256 percent = lane >> 27;
        if (percent > 20) percent = 0;
        vm.assertEq(pot.watchtowerShare(lane), percent, "percent");
        (, uint256 share) = save(lane, amount);
        vm.assertEq(share, uint256(amount) * percent / 100, "rounded in the payee's favour");
        vm.assertEq(credit(worker) + credit(TOWER), amount, "nothing is lost");
    }

    function test_twentyPercentIsTheMost() public view {
        vm.assertEq(pot.watchtowerShare(uint32(20) << 27), 20, "20");
        vm.assertEq(pot.watchtowerShare(uint32(21) << 27), 0, "21");
        vm.assertEq(pot.watchtowerShare(uint32(31) << 27), 0, "31");
        vm.assertEq(pot.watchtowerShare(uint32(1) << 27), 1, "1");
        vm.assertEq(pot.watchtowerShare((uint32(1) << 27) - 1), 0, "below");
        vm.assertEq(pot.MAX_WATCHTOWER_SHARE(), 20, "the bound");
    }

    function test_inTheFirstHalfOfTheChallengeThereIsNoShare() public {
        vm.warp(closeAt - HOUR / 2 - 1);
        (uint256 paid, uint256 share) = save(FIVE_PERCENT, 2 ether);
        vm.assertEq(paid, 2 ether, "paid as by claim");
        vm.assertEq(share, 0, "share");
        vm.assertEq(credit(worker), 2 ether, "payee");
        vm.assertEq(credit(TOWER), 0, "beneficiary");
        vm.warp(closeAt - HOUR / 2);
        (, share) = save(FIVE_PERCENT, 3 ether);
        vm.assertEq(share, 0.05 ether, "from the second half's first second");
    }

    function test_inAnOpenPotThereIsNoShare() public {
        vm.prank(payer);
        pot.cancelClose(cfg);
        (uint256 paid, uint256 share) = save(FIVE_PERCENT, 2 ether);
        vm.assertEq(paid, 2 ether, "paid as by claim");
        vm.assertEq(share, 0, "share");
        vm.assertEq(credit(worker), 2 ether, "payee");
    }

    /// The second half is counted from the end, which a guarantee may have put off.
    function test_aLongGuaranteePutsTheShareOff() public {
        vm.prank(payer);
        pot.cancelClose(cfg);
        ITabcastPot.Reservation[] memory rows = new ITabcastPot.Reservation[](1);
        rows[0] = ITabcastPot.Reservation(worker2, 1, 1 ether, uint40(time()) + 5 hours, 0);
        vm.prank(signer);
        pot.reserve(cfg, rows);
        closeAt = startClose();
        vm.warp(time() + HOUR);
        (, uint256 share) = save(FIVE_PERCENT, 1 ether);
        vm.assertEq(share, 0, "the close ends hours later");
        vm.warp(closeAt - HOUR / 2);
        (, share) = save(FIVE_PERCENT, 2 ether);
        vm.assertEq(share, 0.05 ether, "share");
    }

    function test_afterTheChallengeUntilSomebodyFinalizesThereIsOne() public {
        vm.warp(uint256(closeAt) + 1 days);
        (, uint256 share) = save(FIVE_PERCENT, 2 ether);
        vm.assertEq(share, 0.1 ether, "share");
    }

    function test_claimNeverLeavesAShare() public {
        claim(worker, FIVE_PERCENT, 2 ether);
        vm.assertEq(credit(worker), 2 ether, "all of it");
    }

    function test_payNeverLeavesAShare() public {
        vm.prank(payer);
        pot.pay(cfg, one(ITabcastPot.Payment(worker, FIVE_PERCENT, 2 ether)));
        vm.assertEq(credit(worker), 2 ether, "all of it");
    }

    function test_aForgedVoucherBringsNoShare() public {
        bytes32 digest = pot.voucherDigest(id(), worker, FIVE_PERCENT, 2 ether);
        ITabcastPot.VoucherClaim[] memory rows =
            one(signedRow(worker, FIVE_PERCENT, 2 ether, signature(OTHER_KEY, digest)));
        (uint256 paid, uint256 share) = pot.claimAsWatchtower(cfg, rows, TOWER);
        vm.assertEq(paid + share, 0, "nothing");
    }

    /// A voucher for a lane that leaves nothing cannot be brought as one that leaves more: the number is signed.
    function test_whoBringsAVoucherCannotRaiseTheShare() public {
        ITabcastPot.VoucherClaim memory row = voucher(worker, 7, 2 ether);
        row.lane = uint32(20) << 27 | 7;
        (uint256 paid,) = pot.claimAsWatchtower(cfg, one(row), TOWER);
        vm.assertEq(paid, 0, "another lane's");
    }

    function test_theShareIsOfWhatIsPaidAndNotOfWhatIsOwed() public {
        (uint256 paid, uint256 share) = save(FIVE_PERCENT, 40 ether);
        vm.assertEq(paid, 10 ether, "what there is");
        vm.assertEq(share, 0.5 ether, "share");
        vm.assertEq(pot.bounces(payer), 1, "the rest stays owed");
    }

    function test_theShareIsOfWhatTheFeeLeaves() public {
        pot = deploy(100, address(0xfee), address(0));
        open(10 ether);
        startClose();
        vm.warp(time() + HOUR);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker, FIVE_PERCENT, 2 ether, 2 ether, 0.119 ether);
        (, uint256 share) = save(FIVE_PERCENT, 2 ether);
        vm.assertEq(share, 0.099 ether, "share");
        vm.assertEq(credit(address(0xfee)), 0.02 ether, "fee");
        vm.assertEq(credit(worker), 1.881 ether, "payee");
    }

    function test_theBeneficiaryIsSomebody() public {
        ITabcastPot.VoucherClaim[] memory rows = one(voucher(worker, FIVE_PERCENT, 2 ether));
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAddress.selector));
        pot.claimAsWatchtower(cfg, rows, address(0));
    }

    function test_thePayeeItselfMayBeIt() public {
        ITabcastPot.VoucherClaim[] memory rows = one(voucher(worker, FIVE_PERCENT, 2 ether));
        pot.claimAsWatchtower(cfg, rows, worker);
        vm.assertEq(credit(worker), 2 ether, "all of it");
    }

    function test_unknownAndFinalPotsRevert() public {
        ITabcastPot.VoucherClaim[] memory rows = one(voucher(worker, FIVE_PERCENT, 2 ether));
        vm.warp(closeAt);
        pot.finalizeClose(cfg);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotIsFinal.selector, id()));
        pot.claimAsWatchtower(cfg, rows, TOWER);
        cfg.salt = bytes32("other");
        bytes32 unknown = pot.getPotId(cfg);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotUnknown.selector, unknown));
        pot.claimAsWatchtower(cfg, rows, TOWER);
    }

    function test_aShareIsWithdrawnLikeAnyCredit() public {
        save(FIVE_PERCENT, 2 ether);
        pot.withdraw(TOWER, address(0));
        vm.assertEq(TOWER.balance, 0.1 ether, "arrived");
        pot.withdraw(worker, address(0));
        vm.assertEq(worker.balance, 1.9 ether, "and the payee's");
    }
}
