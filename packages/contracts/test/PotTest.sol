// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {Vm} from "./Vm.sol";

/// @dev The contract with what it inherits.
interface IPot is ITabcastPot {
    function multicall(bytes[] calldata calls) external returns (bytes[] memory);
}

/// @dev A payer, a session key and two workers, with the calls that most tests need.
abstract contract PotBase {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    uint32 internal constant FINALIZED = type(uint32).max;
    uint40 internal constant HOUR = 1 hours;
    uint256 internal constant SIGNER_KEY = 0x5e551014;
    uint256 internal constant OTHER_KEY = 0x07e4;

    IPot internal pot;
    address internal payer = address(0xbca57);
    address internal worker = address(0x30431);
    address internal worker2 = address(0x30432);
    address internal stranger = address(0x5742a6e);
    address internal signer = vm.addr(SIGNER_KEY);

    /// @dev By its artifact, not by `new`: the tests are then compiled apart from the contract, ten times as fast.
    function deploy(uint16 feeBps, address feeRecipient, address permit2) internal returns (IPot) {
        return IPot(vm.deployCode("TabcastPot.sol:TabcastPot", abi.encode(feeBps, feeRecipient, permit2)));
    }

    /// @dev Version 1, whose source is in git, as it was compiled.
    function deployVersion1() internal returns (IPot) {
        bytes memory code = vm.parseJsonBytes(vm.readFile("vectors/version-1.json"), ".bytecode");
        code = abi.encodePacked(code, abi.encode(uint16(0), address(0), address(0)));
        address at;
        assembly ("memory-safe") {
            at := create(0, add(code, 32), mload(code))
        }
        require(at != address(0), "version 1 does not deploy");
        return IPot(at);
    }

    function config() internal view returns (ITabcastPot.PotConfig memory) {
        return ITabcastPot.PotConfig(payer, signer, address(0), HOUR, bytes32("salt"));
    }

    function id() internal view returns (bytes32) {
        return pot.getPotId(config());
    }

    function open(uint96 amount) internal {
        vm.prank(payer);
        pot.deposit{value: amount}(config(), amount, 0);
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function voucher(address payee, uint32 lane, uint96 cumulative)
        internal
        view
        returns (ITabcastPot.VoucherClaim memory)
    {
        bytes32 digest = pot.voucherDigest(id(), payee, lane, cumulative);
        return signedRow(payee, lane, cumulative, signature(SIGNER_KEY, digest));
    }

    /// @dev A row with the first 65 bytes of `sig`, or as many as there are.
    function signedRow(address payee, uint32 lane, uint96 cumulative, bytes memory sig)
        internal
        pure
        returns (ITabcastPot.VoucherClaim memory row)
    {
        bytes memory padded = abi.encodePacked(sig, new bytes(96));
        bytes32 r;
        bytes32 s;
        bytes32 v;
        assembly ("memory-safe") {
            r := mload(add(padded, 32))
            s := mload(add(padded, 64))
            v := mload(add(padded, 96))
        }
        return ITabcastPot.VoucherClaim(payee, lane, cumulative, uint8(v[0]), r, s);
    }

    function one(ITabcastPot.VoucherClaim memory row) internal pure returns (ITabcastPot.VoucherClaim[] memory rows) {
        rows = new ITabcastPot.VoucherClaim[](1);
        rows[0] = row;
    }

    function one(ITabcastPot.Payment memory row) internal pure returns (ITabcastPot.Payment[] memory rows) {
        rows = new ITabcastPot.Payment[](1);
        rows[0] = row;
    }

    function claim(address payee, uint32 lane, uint96 cumulative) internal returns (uint256) {
        return pot.claim(config(), one(voucher(payee, lane, cumulative)));
    }

    function claimed(address payee, uint32 lane) internal view returns (uint96) {
        return pot.laneState(id(), payee, lane).claimed;
    }

    function balance() internal view returns (uint96) {
        return pot.potState(id()).balance;
    }

    function credit(address account) internal view returns (uint256) {
        return pot.credits(account, address(0));
    }

    function startClose() internal returns (uint32) {
        vm.prank(payer);
        pot.startClose(config());
        return pot.potState(id()).closeAt;
    }

    function finalize() internal {
        vm.warp(startClose());
        pot.finalizeClose(config());
    }

    /// @dev Not `block.timestamp`: the compiler takes it for constant within a call and may read it again after a warp.
    function time() internal view returns (uint256) {
        return vm.getBlockTimestamp();
    }

    function bound(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + value % (most - least + 1);
    }
}

/// @dev A fresh contract and funded people before each test.
abstract contract PotTest is PotBase {
    function setUp() public virtual {
        vm.warp(1_800_000_000);
        pot = deploy(0, address(0), address(0));
        vm.deal(payer, 1_000 ether);
        vm.deal(stranger, 1_000 ether);
    }
}
