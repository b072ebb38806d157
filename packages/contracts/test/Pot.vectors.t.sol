// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {TabcastPot} from "../src/TabcastPot.sol";
import {PotTest} from "./PotTest.sol";

/// @dev The same file is read by packages/channel/src/vectors.test.ts, which also holds it against viem.
contract PotVectorsTest is PotTest {
    string private json;

    function setUp() public override {
        super.setUp();
        json = vm.readFile("vectors/eip712.json");
        // The vectors' own chain and address: not the domain that the constructor cached.
        address there = vm.parseJsonAddress(json, ".domain.contract");
        vm.etch(there, address(pot).code);
        vm.chainId(vm.parseJsonUint(json, ".domain.chainId"));
        pot = TabcastPot(there);
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
