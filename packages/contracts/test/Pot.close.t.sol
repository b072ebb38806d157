// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {PotTest} from "./PotTest.sol";

contract PotCloseTest is PotTest {
    function setUp() public override {
        super.setUp();
        open(10 ether);
    }

    function unknown() private view returns (ITabcastPot.PotConfig memory cfg) {
        cfg = config();
        cfg.salt = bytes32("other");
    }

    function test_startCloseSetsTheTime() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.CloseStarted(id(), uint32(time() + HOUR));
        vm.prank(payer);
        pot.startClose(config());
        vm.assertEq(pot.potState(id()).closeAt, time() + HOUR, "closeAt");
    }

    function test_theSignerMayStartAClose() public {
        vm.prank(signer);
        pot.startClose(config());
        vm.assertEq(pot.potState(id()).closeAt, time() + HOUR, "closeAt");
    }

    function testFuzz_nobodyElseMayStartAClose(address caller) public {
        if (caller == payer || caller == signer) caller = stranger;
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.NotAuthorised.selector, id(), caller));
        vm.prank(caller);
        pot.startClose(config());
    }

    function test_aSecondStartCannotMoveTheTime() public {
        uint32 closeAt = startClose();
        vm.warp(time() + 10);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotClosing.selector, id(), closeAt));
        vm.prank(payer);
        pot.startClose(config());
    }

    function test_thePayerTakesACloseBack() public {
        startClose();
        vm.expectEmit(address(pot));
        emit ITabcastPot.CloseCancelled(id());
        vm.prank(payer);
        pot.cancelClose(config());
        vm.assertEq(pot.potState(id()).closeAt, 0, "open");
        open(1 ether);
        vm.assertEq(balance(), 11 ether, "takes deposits again");
    }

    function test_aCloseCanBeTakenBackAfterItsTime() public {
        vm.warp(startClose());
        vm.prank(payer);
        pot.cancelClose(config());
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotNotClosing.selector, id()));
        pot.finalizeClose(config());
    }

    function test_theSignerMayNotTakeACloseBack() public {
        startClose();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.NotAuthorised.selector, id(), signer));
        vm.prank(signer);
        pot.cancelClose(config());
    }

    function test_nothingToTakeBackInAnOpenPot() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotNotClosing.selector, id()));
        vm.prank(payer);
        pot.cancelClose(config());
    }

    function testFuzz_finalizeWaitsForTheChallenge(uint256 wait) public {
        uint32 closeAt = startClose();
        wait = bound(wait, 0, 2 * uint256(HOUR));
        vm.warp(time() + wait);
        if (wait < HOUR) {
            vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ChallengeRunning.selector, id(), closeAt, time()));
        }
        pot.finalizeClose(config());
        vm.assertEq(pot.potState(id()).closeAt, wait < HOUR ? closeAt : FINALIZED, "closeAt");
    }

    function test_finalizeAtTheExactSecond() public {
        uint32 closeAt = startClose();
        vm.warp(closeAt - 1);
        vm.expectRevert();
        pot.finalizeClose(config());
        vm.warp(closeAt);
        vm.expectEmit(address(pot));
        emit ITabcastPot.PotFinalized(id(), 10 ether);
        vm.prank(stranger);
        pot.finalizeClose(config());
        vm.assertEq(credit(payer), 10 ether, "refund");
        vm.assertEq(balance(), 0, "balance");
        vm.assertEq(pot.potState(id()).closeAt, FINALIZED, "final");
    }

    /// Invariant 22: with every voucher claimed, the refund is what was not claimed.
    function testFuzz_theRefundIsTheRest(uint96 a, uint96 b) public {
        a = uint96(bound(a, 1, 5 ether));
        b = uint96(bound(b, 1, 5 ether));
        claim(worker, 1, a);
        claim(worker2, 2, b);
        finalize();
        vm.assertEq(credit(payer), 10 ether - uint256(a) - b, "refund");
    }

    /// Invariant 10: final is for ever.
    function test_aFinalPotNeverChanges() public {
        finalize();
        bytes memory isFinal = abi.encodeWithSelector(ITabcastPot.PotIsFinal.selector, id());
        vm.expectRevert(isFinal);
        vm.prank(payer);
        pot.startClose(config());
        vm.expectRevert(isFinal);
        vm.prank(payer);
        pot.cancelClose(config());
        vm.expectRevert(isFinal);
        pot.finalizeClose(config());
        vm.expectRevert(isFinal);
        pot.claim(config(), new ITabcastPot.VoucherClaim[](0));
    }

    function test_anUnknownPotCannotClose() public {
        ITabcastPot.PotConfig memory cfg = unknown();
        bytes memory no = abi.encodeWithSelector(ITabcastPot.PotUnknown.selector, pot.getPotId(cfg));
        vm.expectRevert(no);
        vm.prank(payer);
        pot.startClose(cfg);
        vm.expectRevert(no);
        vm.prank(payer);
        pot.cancelClose(cfg);
        vm.expectRevert(no);
        pot.finalizeClose(cfg);
    }

    function test_closingStopsWorkingAfterTheYear2106() public {
        vm.warp(type(uint32).max);
        vm.expectRevert();
        vm.prank(payer);
        pot.startClose(config());
    }
}

contract PotWithdrawTest is PotTest {
    function setUp() public override {
        super.setUp();
        open(10 ether);
        claim(worker, 7, 4 ether);
    }

    function test_anyoneSendsACreditToItsOwner() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.CreditWithdrawn(worker, address(0), worker, 4 ether);
        vm.prank(stranger);
        pot.withdraw(worker, address(0));
        vm.assertEq(worker.balance, 4 ether, "arrived");
        vm.assertEq(credit(worker), 0, "credit");
        vm.assertEq(address(pot).balance, 6 ether, "held");
    }

    function test_aSecondWithdrawalFindsNothing() public {
        pot.withdraw(worker, address(0));
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAmount.selector));
        pot.withdraw(worker, address(0));
    }

    function test_theOwnerSendsPartElsewhere() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.CreditWithdrawn(worker, address(0), worker2, 1 ether);
        vm.prank(worker);
        pot.withdrawTo(address(0), worker2, 1 ether);
        vm.assertEq(worker2.balance, 1 ether, "arrived");
        vm.assertEq(credit(worker), 3 ether, "credit");
    }

    function test_nobodyTakesAnothersCredit() public {
        vm.expectRevert(
            abi.encodeWithSelector(ITabcastPot.CreditTooSmall.selector, stranger, address(0), uint256(0), uint256(1))
        );
        vm.prank(stranger);
        pot.withdrawTo(address(0), stranger, 1);
    }

    function testFuzz_notMoreThanTheCredit(uint256 amount) public {
        amount = bound(amount, 4 ether + 1, type(uint256).max - 4 ether - 2);
        vm.expectRevert(
            abi.encodeWithSelector(ITabcastPot.CreditTooSmall.selector, worker, address(0), uint256(4 ether), amount)
        );
        vm.prank(worker);
        pot.withdrawTo(address(0), worker2, amount);
    }

    function test_refusesZeroAmountAndZeroAddress() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAmount.selector));
        vm.prank(worker);
        pot.withdrawTo(address(0), worker2, 0);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAddress.selector));
        vm.prank(worker);
        pot.withdrawTo(address(0), address(0), 1);
    }

    function testFuzz_noTokenHasCredit(address token) public {
        if (token == address(0)) token = address(1);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAmount.selector));
        pot.withdraw(worker, token);
    }

    function test_viewsListManyLanes() public {
        address[] memory payees = new address[](3);
        uint32[] memory lanes = new uint32[](3);
        (payees[0], lanes[0]) = (worker2, 7);
        (payees[1], lanes[1]) = (worker, 7);
        (payees[2], lanes[2]) = (worker, 8);
        ITabcastPot.Lane[] memory states = pot.laneStates(id(), payees, lanes);
        vm.assertEq(states[0].claimed, 0, "worker2");
        vm.assertEq(states[1].claimed, 4 ether, "worker");
        vm.assertEq(states[2].claimed, 0, "other lane");
        bytes32 potId = id();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.LengthMismatch.selector, uint256(3), uint256(2)));
        pot.laneStates(potId, payees, new uint32[](2));
    }
}
