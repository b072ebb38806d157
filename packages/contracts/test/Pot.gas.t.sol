// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {PotTest} from "./PotTest.sol";

/// @dev Gas of whole transactions, in snapshots/TabcastPot.json: a change fails the test until the file is renewed with
/// `FORGE_SNAPSHOT_CHECK=false forge test --match-contract PotGas`.
/// forge-config: default.isolate = true
contract PotGasTest is PotTest {
    string private constant GROUP = "TabcastPot";

    function snap(string memory name) private {
        vm.snapshotGasLastCall(GROUP, name);
    }

    /// @dev An address as people have them: few of its bytes are zero, and so it costs what theirs do.
    function payeeOf(uint32 i) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(i)))));
    }

    function vouchers(uint32 count, uint96 each) private view returns (ITabcastPot.VoucherClaim[] memory rows) {
        rows = new ITabcastPot.VoucherClaim[](count);
        for (uint32 i = 0; i < count; i++) {
            rows[i] = voucher(payeeOf(i), i + 1, each);
        }
    }

    function payments(uint32 count, uint96 each) private pure returns (ITabcastPot.Payment[] memory rows) {
        rows = new ITabcastPot.Payment[](count);
        for (uint32 i = 0; i < count; i++) {
            rows[i] = ITabcastPot.Payment(payeeOf(i), i + 1, each);
        }
    }

    function test_deposit() public {
        ITabcastPot.PotConfig memory cfg = config();
        vm.prank(payer);
        pot.deposit{value: 1 ether}(cfg, 1 ether, 0);
        snap("deposit: open");
        vm.prank(payer);
        pot.deposit{value: 1 ether}(cfg, 1 ether, 0);
        snap("deposit: top up");
        cfg.salt = bytes32("other");
        vm.prank(payer);
        pot.deposit{value: 2 ether}(cfg, 1 ether, 1 ether);
        snap("deposit: open, with gas for a fresh signer");
    }

    function reservations(uint32 count, uint96 ceiling, uint24 version)
        private
        view
        returns (ITabcastPot.Reservation[] memory rows)
    {
        rows = new ITabcastPot.Reservation[](count);
        uint40 until = uint40(time() + 600 + version);
        for (uint32 i = 0; i < count; i++) {
            rows[i] = ITabcastPot.Reservation(payeeOf(i), i + 1, ceiling, until, version);
        }
    }

    function test_reserveOne() public {
        measureReserves(1, "reserve 1");
    }

    function test_reserveTen() public {
        measureReserves(10, "reserve 10");
    }

    function test_reserveFifty() public {
        measureReserves(50, "reserve 50");
    }

    function test_reserveTwoHundred() public {
        measureReserves(200, "reserve 200");
    }

    function measureReserves(uint32 count, string memory name) private {
        open(100 ether);
        ITabcastPot.PotConfig memory cfg = config();
        ITabcastPot.Reservation[] memory rows = reservations(count, 0.01 ether, 0);
        vm.prank(signer);
        pot.reserve(cfg, rows);
        snap(string.concat(name, ": fresh lanes"));
        rows = reservations(count, 0.02 ether, 1);
        vm.prank(signer);
        pot.reserve(cfg, rows);
        snap(string.concat(name, ": renewed"));
    }

    /// @dev A worker's whole life: promised, paid, with a credit that was there before or not.
    function test_payReserved() public {
        open(100 ether);
        ITabcastPot.PotConfig memory cfg = config();
        ITabcastPot.Reservation[] memory rows = reservations(200, 0.01 ether, 0);
        vm.prank(signer);
        pot.reserve(cfg, rows);
        ITabcastPot.Payment[] memory owed = payments(200, 0.01 ether);
        vm.prank(signer);
        pot.pay(cfg, owed);
        snap("pay 200: reserved lanes, fresh credits");
        rows = reservations(200, 0.02 ether, 1);
        vm.prank(signer);
        pot.reserve(cfg, rows);
        vm.warp(rows[0].until + 1);
        owed = payments(200, 0.02 ether);
        vm.prank(signer);
        pot.pay(cfg, owed);
        snap("pay 200: lapsed lanes, warm");
    }

    function test_claimOne() public {
        measureClaims(1, "claim 1");
    }

    function test_claimTen() public {
        measureClaims(10, "claim 10");
    }

    function test_claimFifty() public {
        measureClaims(50, "claim 50");
    }

    function test_claimTwoHundred() public {
        measureClaims(200, "claim 200");
    }

    /// @dev Warm lanes of a closing pot, which leave five percent.
    function test_claimAsWatchtower() public {
        open(100 ether);
        ITabcastPot.PotConfig memory cfg = config();
        uint32 five = uint32(5) << 27;
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](50);
        for (uint96 total = 0.01 ether; total < 0.03 ether; total += 0.01 ether) {
            for (uint32 i = 0; i < 50; i++) {
                rows[i] = voucher(payeeOf(i), five + i + 1, total);
            }
            if (total == 0.01 ether) pot.claim(cfg, rows);
        }
        vm.warp(startClose());
        pot.claimAsWatchtower(cfg, rows, stranger);
        snap("claimAsWatchtower 50: warm");
    }

    function measureClaims(uint32 count, string memory name) private {
        open(100 ether);
        ITabcastPot.PotConfig memory cfg = config();
        ITabcastPot.VoucherClaim[] memory rows = vouchers(count, 0.01 ether);
        pot.claim(cfg, rows);
        snap(string.concat(name, ": fresh lanes and credits"));
        rows = vouchers(count, 0.02 ether);
        pot.claim(cfg, rows);
        snap(string.concat(name, ": warm"));
    }

    function test_pay() public {
        open(100 ether);
        ITabcastPot.PotConfig memory cfg = config();
        ITabcastPot.Payment[] memory rows = payments(1, 0.01 ether);
        vm.prank(signer);
        pot.pay(cfg, rows);
        snap("pay 1: fresh lane and credit");
        rows = payments(16, 0.02 ether);
        vm.prank(signer);
        pot.pay(cfg, rows);
        snap("pay 16: one warm");
        rows = payments(200, 0.03 ether);
        vm.prank(signer);
        pot.pay(cfg, rows);
        snap("pay 200: 16 warm");
    }

    function test_end() public {
        open(1 ether);
        ITabcastPot.PotConfig memory cfg = config();
        vm.prank(signer);
        pot.startClose(cfg);
        snap("startClose");
        vm.warp(pot.potState(id()).closeAt);
        pot.finalizeClose(cfg);
        snap("finalizeClose");
        pot.withdraw(payer, address(0));
        snap("withdraw: to an account in use");
    }

    function test_withdrawToAFreshAccount() public {
        open(1 ether);
        claim(worker, 7, 1 ether);
        pot.withdraw(worker, address(0));
        snap("withdraw: to a fresh account");
    }
}
