// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {IPot, PotTest} from "./PotTest.sol";

contract PotDepositTest is PotTest {
    function test_openingSaysWhoAndWhat() public {
        vm.expectEmit(address(pot));
        emit ITabcastPot.PotOpened(id(), payer, signer, address(0), HOUR, bytes32("salt"));
        vm.expectEmit(address(pot));
        emit ITabcastPot.Deposited(id(), payer, 5 ether, 5 ether);
        open(5 ether);
        vm.assertEq(balance(), 5 ether, "balance");
        vm.assertEq(pot.potState(id()).maxUntil, time(), "maxUntil");
        vm.assertEq(pot.potState(id()).closeAt, 0, "open");
        vm.assertEq(address(pot).balance, 5 ether, "held");
    }

    function test_aTopUpAddsAndDoesNotOpenAgain() public {
        open(5 ether);
        uint256 openedAt = time();
        vm.warp(openedAt + 10);
        vm.recordLogs();
        open(2 ether);
        vm.assertEq(vm.getRecordedLogs().length, 1, "one event");
        vm.assertEq(balance(), 7 ether, "balance");
        vm.assertEq(pot.potState(id()).maxUntil, openedAt, "maxUntil stays");
    }

    function test_anyoneMayTopUpForThePayer() public {
        open(1 ether);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Deposited(id(), stranger, 1 ether, 2 ether);
        vm.prank(stranger);
        pot.deposit{value: 1 ether}(config(), 1 ether, 0);
        finalize();
        vm.assertEq(credit(payer), 2 ether, "the payer gets it back, not the giver");
    }

    function test_theSignerGetsItsGas() public {
        vm.prank(payer);
        pot.deposit{value: 1.25 ether}(config(), 1 ether, 0.25 ether);
        vm.assertEq(signer.balance, 0.25 ether, "gas");
        vm.assertEq(balance(), 1 ether, "the pot holds the rest");
    }

    function testFuzz_valueMustBeAmountPlusGas(uint96 amount, uint96 gas, uint96 sent) public {
        amount = uint96(bound(amount, 1, 100 ether));
        gas = uint96(bound(gas, 0, 100 ether));
        sent = uint96(bound(sent, 0, 300 ether));
        uint256 expected = uint256(amount) + gas;
        if (sent != expected) {
            vm.expectRevert(abi.encodeWithSelector(ITabcastPot.WrongValue.selector, sent, expected));
        }
        vm.prank(payer);
        pot.deposit{value: sent}(config(), amount, gas);
        vm.assertEq(address(pot).balance, sent == expected ? amount : 0, "held");
    }

    function test_refusesNothing() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAmount.selector));
        vm.prank(payer);
        pot.deposit{value: 1}(config(), 0, 1);
    }

    function test_refusesZeroPayer() public {
        ITabcastPot.PotConfig memory cfg = config();
        cfg.payer = address(0);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAddress.selector));
        pot.deposit{value: 1}(cfg, 1, 0);
    }

    function test_refusesZeroSigner() public {
        ITabcastPot.PotConfig memory cfg = config();
        cfg.signer = address(0);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAddress.selector));
        pot.deposit{value: 1}(cfg, 1, 0);
    }

    function testFuzz_challengePeriodHasBounds(uint40 period) public {
        ITabcastPot.PotConfig memory cfg = config();
        cfg.challengePeriod = period;
        bool ok = period >= 15 minutes && period <= 7 days;
        if (!ok) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    ITabcastPot.ChallengePeriodOutOfBounds.selector, period, uint40(15 minutes), uint40(7 days)
                )
            );
        }
        pot.deposit{value: 1}(cfg, 1, 0);
        vm.assertEq(pot.potState(pot.getPotId(cfg)).balance, ok ? 1 : 0, "balance");
    }

    function test_theChallengeBoundsThemselvesAreAllowed() public {
        ITabcastPot.PotConfig memory cfg = config();
        cfg.challengePeriod = pot.MIN_CHALLENGE();
        pot.deposit{value: 1}(cfg, 1, 0);
        cfg.challengePeriod = pot.MAX_CHALLENGE();
        pot.deposit{value: 1}(cfg, 1, 0);
        cfg.challengePeriod = pot.MIN_CHALLENGE() - 1;
        vm.expectRevert();
        pot.deposit{value: 1}(cfg, 1, 0);
        cfg.challengePeriod = pot.MAX_CHALLENGE() + 1;
        vm.expectRevert();
        pot.deposit{value: 1}(cfg, 1, 0);
    }

    function test_aClosingPotTakesNoDeposit() public {
        open(1 ether);
        uint32 closeAt = startClose();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotClosing.selector, id(), closeAt));
        vm.prank(payer);
        pot.deposit{value: 1}(config(), 1, 0);
    }

    function test_aFinalPotTakesNoDeposit() public {
        open(1 ether);
        finalize();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotIsFinal.selector, id()));
        vm.prank(payer);
        pot.deposit{value: 1}(config(), 1, 0);
    }

    function test_aSignerThatRefusesCoinsStopsTheDeposit() public {
        ITabcastPot.PotConfig memory cfg = config();
        cfg.signer = address(new Refuser());
        vm.expectRevert(abi.encodeWithSignature("FailedCall()"));
        pot.deposit{value: 2}(cfg, 1, 1);
    }

    function test_theFeeHasACeilingAndARecipient() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.FeeTooHigh.selector, uint16(101), uint16(100)));
        deploy(101, stranger, address(0));
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAddress.selector));
        deploy(1, address(0), address(0));
        IPot most = deploy(100, stranger, address(0));
        vm.assertEq(most.FEE_BPS(), 100, "bps");
        vm.assertEq(most.FEE_RECIPIENT(), stranger, "recipient");
    }
}

contract Refuser {}
