// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IPermit2} from "../src/IPermit2.sol";
import {Erc3009} from "../src/play/Erc3009.sol";

/// @dev An honest token with EIP-2612 and EIP-3009.
contract GoodToken is ERC20Permit, Erc3009 {
    constructor() ERC20("Good", "GOOD") ERC20Permit("Good") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function receiveDigest(address from, address to, uint256 value, uint256 from_, uint256 until, bytes32 nonce)
        external
        view
        returns (bytes32)
    {
        return _receiveDigest(from, to, value, from_, until, nonce);
    }
}

/// @dev Behaves as its mode says, as tokens out there do.
contract ModalToken is ERC20 {
    enum Mode {
        GOOD,
        FEE, // takes a hundredth of each transfer
        REVERT,
        REENTER, // calls `target` with `attack` in each transfer, and goes on whatever that gave
        SILENT, // returns nothing
        FALSE, // returns false and moves nothing
        EXTRA // gives the receiver one more than it should
    }

    Mode public mode;
    mapping(address => bool) public blacklisted;
    address private target;
    bytes private attack;
    uint256 public reentries;

    constructor() ERC20("Modal", "MODAL") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function set(Mode to) external {
        mode = to;
    }

    function blacklist(address account, bool on) external {
        blacklisted[account] = on;
    }

    function attackWith(address at, bytes calldata data) external {
        target = at;
        attack = data;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _spendAllowance(from, msg.sender, amount);
        return move(from, to, amount);
    }

    function move(address from, address to, uint256 amount) private returns (bool) {
        require(!blacklisted[from] && !blacklisted[to], "blacklisted");
        if (mode == Mode.REVERT) revert("no");
        if (mode == Mode.FALSE) return false;
        if (mode == Mode.REENTER && target != address(0)) {
            (bool done,) = target.call(attack);
            if (done) reentries++;
        }
        _transfer(from, to, amount);
        if (mode == Mode.FEE) _burn(to, amount / 100 + 1);
        if (mode == Mode.EXTRA) _mint(to, 1);
        if (mode == Mode.SILENT) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return true;
    }
}

/// @dev Permit2's `permitWitnessTransferFrom` as Uniswap specifies it: its type strings, its domain, its unordered nonces.
contract Permit2 is IPermit2 {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
    bytes32 private constant TOKEN_TYPEHASH = keccak256("TokenPermissions(address token,uint256 amount)");
    string private constant STUB =
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,";

    mapping(address => mapping(uint256 => bool)) public used;

    function digest(
        PermitTransferFrom calldata permit,
        address spender,
        bytes32 witness,
        string calldata witnessTypeString
    ) public view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Permit2"), block.chainid, address(this)));
        bytes32 permitted = keccak256(abi.encode(TOKEN_TYPEHASH, permit.permitted.token, permit.permitted.amount));
        bytes32 typehash = keccak256(abi.encodePacked(STUB, witnessTypeString));
        bytes32 hash = keccak256(abi.encode(typehash, permitted, spender, permit.nonce, permit.deadline, witness));
        return keccak256(abi.encodePacked(hex"1901", domain, hash));
    }

    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata details,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external {
        require(block.timestamp <= permit.deadline, "expired");
        require(details.requestedAmount <= permit.permitted.amount, "amount");
        require(!used[owner][permit.nonce], "nonce");
        used[owner][permit.nonce] = true;
        require(ECDSA.recover(digest(permit, msg.sender, witness, witnessTypeString), signature) == owner, "sig");
        ERC20(permit.permitted.token).transferFrom(owner, details.to, details.requestedAmount);
    }
}
