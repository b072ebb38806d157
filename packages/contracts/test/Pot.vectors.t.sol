// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {IPot, PotTest} from "./PotTest.sol";

/// @dev The same file is read by packages/channel/src/vectors.test.ts, which also holds it against viem.
contract PotVectorsTest is PotTest {
    string internal json;

    function setUp() public virtual override {
        super.setUp();
        read("vectors/eip712-2.json");
    }

    /// @dev The vectors' own chain and address: not the domain that the constructor cached.
    function read(string memory file) internal {
        json = vm.readFile(file);
        address there = vm.parseJsonAddress(json, ".domain.contract");
        vm.etch(there, address(pot).code);
        vm.chainId(vm.parseJsonUint(json, ".domain.chainId"));
        pot = IPot(there);
    }

    function test_potIds() public view {
        uint256 count;
        for (string memory at = ".pots[0]"; vm.keyExistsJson(json, at); at = entry("pots", count)) {
            ITabcastPot.PotConfig memory cfg = ITabcastPot.PotConfig(
                vm.parseJsonAddress(json, string.concat(at, ".payer")),
                vm.parseJsonAddress(json, string.concat(at, ".signer")),
                vm.parseJsonAddress(json, string.concat(at, ".token")),
                uint40(vm.parseJsonUint(json, string.concat(at, ".challengePeriod"))),
                vm.parseJsonBytes32(json, string.concat(at, ".salt"))
            );
            vm.assertEq(pot.getPotId(cfg), vm.parseJsonBytes32(json, string.concat(at, ".potId")), at);
            count++;
        }
        vm.assertEq(count, 3, "every pot was read");
    }

    function test_vouchers() public view {
        uint256 key = uint256(vm.parseJsonBytes32(json, ".key"));
        uint256 count;
        for (string memory at = ".vouchers[0]"; vm.keyExistsJson(json, at); at = entry("vouchers", count)) {
            bytes32 digest = pot.voucherDigest(
                vm.parseJsonBytes32(json, string.concat(at, ".potId")),
                vm.parseJsonAddress(json, string.concat(at, ".payee")),
                uint32(vm.parseJsonUint(json, string.concat(at, ".lane"))),
                uint96(vm.parseJsonUint(json, string.concat(at, ".cumulative")))
            );
            vm.assertEq(digest, vm.parseJsonBytes32(json, string.concat(at, ".digest")), at);
            bytes memory signed = vm.parseJsonBytes(json, string.concat(at, ".signature"));
            vm.assertEq(keccak256(signature(key, digest)), keccak256(signed), at);
            count++;
        }
        vm.assertEq(count, 5, "every voucher was read");
    }

    function entry(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(index), "]");
    }
}

/// @dev Version 1 as it was compiled, through version 2's interface.
contract PotVersion1Test is PotTest {
    function setUp() public override {
        super.setUp();
        pot = deployVersion1();
    }

    function test_itsWholeLifeIsSpokenByTheSameInterface() public {
        open(10 ether);
        ITabcastPot.Reservation[] memory rows = new ITabcastPot.Reservation[](1);
        rows[0] = ITabcastPot.Reservation(worker, 7, 3 ether, uint40(time()) + 600, 0);
        vm.prank(signer);
        pot.reserve(config(), rows);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Claimed(id(), worker, 7, 2 ether, 2 ether, 0);
        claim(worker, 7, 2 ether);
        (uint96 guaranteed, uint96 soft) = pot.claimable(config(), worker, 7, 4 ether);
        vm.assertEq(guaranteed, 1 ether, "guaranteed");
        vm.assertEq(soft, 2 ether, "soft");
        vm.prank(signer);
        pot.pay(config(), one(ITabcastPot.Payment(worker2, 1, 1 ether)));
        finalize();
        vm.assertEq(credit(payer), 7 ether, "refund");
        pot.withdraw(worker, address(0));
        vm.assertEq(worker.balance, 2 ether, "paid");
    }

    /// Both at one address, so that nothing but the version tells their vouchers apart.
    function test_aVoucherOfOneVersionIsNoneOfTheOther() public {
        open(10 ether);
        ITabcastPot.VoucherClaim[] memory old = one(voucher(worker, 7, 1 ether));
        bytes32 oldId = id();
        bytes memory code = address(pot).code;
        vm.etch(address(pot), address(deploy(0, address(0), address(0))).code);
        vm.assertTrue(id() != oldId, "the same pot");
        open(10 ether);
        vm.assertEq(pot.claim(config(), old), 0, "1 in 2");
        ITabcastPot.VoucherClaim[] memory rows = one(voucher(worker, 7, 1 ether));
        vm.etch(address(pot), code);
        vm.assertEq(pot.claim(config(), rows), 0, "2 in 1");
        vm.assertEq(pot.claim(config(), old), 1 ether, "1 in 1");
    }

    function test_itHasNoWatchtowersShare() public {
        open(10 ether);
        ITabcastPot.VoucherClaim[] memory rows = one(voucher(worker, 7, 1 ether));
        ITabcastPot.PotConfig memory cfg = config();
        vm.expectRevert();
        pot.claimAsWatchtower(cfg, rows, stranger);
    }
}

/// @dev Version 1's own vectors, by its own code.
contract PotVersion1VectorsTest is PotVectorsTest {
    function setUp() public override {
        super.setUp();
        pot = deployVersion1();
        read("vectors/eip712.json");
    }
}
