// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Erc3009} from "./Erc3009.sol";

/// @title Play dollars
/// @notice Play money for local chains, worth nothing, that behaves as USDC does where a pot meets it: six decimals, USDC's name,
/// symbol and EIP-712 domain, EIP-3009's authorizations in the form with (v, r, s), and accounts that its owner can freeze.
contract PlayDollar is Erc3009 {
    string public constant version = "2";
    /// @notice Who mints and freezes: the deployer.
    address public immutable OWNER;
    mapping(address account => bool) public isBlacklisted;
    /// @notice Hundredths of a percent of each transfer that are burnt, as some tokens take. USDC takes none; nor does this until told.
    uint16 public feeBps;

    constructor() ERC20("USD Coin", "USDC") EIP712("USD Coin", version) {
        OWNER = msg.sender;
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    // EIP-712's own name.
    // forge-lint: disable-next-line(mixed-case-function)
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    function mint(address to, uint256 amount) external {
        require(msg.sender == OWNER, "PlayDollar: only its owner mints");
        _mint(to, amount);
    }

    function blacklist(address account, bool on) external {
        require(msg.sender == OWNER, "PlayDollar: only its owner freezes");
        isBlacklisted[account] = on;
    }

    function setFee(uint16 bps) external {
        require(msg.sender == OWNER, "PlayDollar: only its owner sets the fee");
        feeBps = bps;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!isBlacklisted[from] && !isBlacklisted[to], "Blacklistable: account is blacklisted");
        super._update(from, to, amount);
        if (feeBps != 0 && from != address(0) && to != address(0)) {
            super._update(to, address(0), amount * feeBps / 10_000);
        }
    }
}
