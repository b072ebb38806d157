// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ITabcastPot} from "./ITabcastPot.sol";

/// @title The pot: see ITabcastPot for what each function promises.
contract TabcastPot is ITabcastPot, EIP712, Multicall, ReentrancyGuardTransient {
    bytes32 private constant POT_TYPEHASH =
        keccak256("PotConfig(address payer,address signer,address token,uint40 challengePeriod,bytes32 salt)");
    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 potId,address payee,uint32 lane,uint96 cumulative)");
    /// @dev `closeAt` of a pot that never changes again.
    uint32 private constant FINALIZED = type(uint32).max;
    uint16 private constant MAX_FEE_BPS = 100;

    /// @inheritdoc ITabcastPot
    uint40 public constant MIN_CHALLENGE = 15 minutes;
    /// @inheritdoc ITabcastPot
    uint40 public constant MAX_CHALLENGE = 7 days;
    /// @inheritdoc ITabcastPot
    uint16 public immutable FEE_BPS;
    /// @inheritdoc ITabcastPot
    address public immutable FEE_RECIPIENT;

    mapping(bytes32 potId => Pot) private _pots;
    mapping(bytes32 potId => mapping(uint256 laneKey => Lane)) private _lanes;
    /// @inheritdoc ITabcastPot
    mapping(address account => mapping(address token => uint256)) public credits;
    /// @inheritdoc ITabcastPot
    mapping(address payer => uint64) public bounces;

    /// @param feeBps Fee on each payment in hundredths of a percent, at most 100.
    /// @param feeRecipient Whose credit it becomes; not zero if there is a fee.
    constructor(uint16 feeBps, address feeRecipient) EIP712("TabcastPot", "1") {
        if (feeBps > MAX_FEE_BPS) revert FeeTooHigh(feeBps, MAX_FEE_BPS);
        if (feeBps != 0 && feeRecipient == address(0)) revert ZeroAddress();
        FEE_BPS = feeBps;
        FEE_RECIPIENT = feeRecipient;
    }

    /// @inheritdoc ITabcastPot
    function deposit(PotConfig calldata cfg, uint96 amount, uint96 signerGas) external payable nonReentrant {
        if (amount == 0) revert ZeroAmount();
        if (cfg.payer == address(0) || cfg.signer == address(0)) revert ZeroAddress();
        if (cfg.token != address(0)) revert TokenUnsupported(cfg.token);
        if (cfg.challengePeriod < MIN_CHALLENGE || cfg.challengePeriod > MAX_CHALLENGE) {
            revert ChallengePeriodOutOfBounds(cfg.challengePeriod, MIN_CHALLENGE, MAX_CHALLENGE);
        }
        uint256 expected = uint256(amount) + signerGas;
        if (msg.value != expected) revert WrongValue(msg.value, expected);

        bytes32 potId = _potId(cfg);
        Pot storage pot = _pots[potId];
        if (pot.closeAt == FINALIZED) revert PotIsFinal(potId);
        if (pot.closeAt != 0) revert PotClosing(potId, pot.closeAt);
        if (pot.openedAt == 0) {
            pot.openedAt = SafeCast.toUint32(block.timestamp);
            emit PotOpened(potId, cfg.payer, cfg.signer, cfg.token, cfg.challengePeriod, cfg.salt);
        }
        pot.balance += amount;
        emit Deposited(potId, msg.sender, amount, pot.balance);
        // Last, when the books are complete: this hands control to whatever lives at the signer's address.
        if (signerGas != 0) Address.sendValue(payable(cfg.signer), signerGas);
    }

    /// @inheritdoc ITabcastPot
    function claim(PotConfig calldata cfg, VoucherClaim[] calldata rows) external nonReentrant returns (uint256 paid) {
        bytes32 potId = _potId(cfg);
        Pot memory pot = _livePot(potId);
        uint96 left = pot.balance;
        for (uint256 i = 0; i < rows.length; i++) {
            VoucherClaim calldata row = rows[i];
            Lane storage lane = _lanes[potId][_laneKey(row.payee, row.lane)];
            if (row.cumulative <= lane.claimed) {
                emit ClaimSkipped(potId, row.payee, row.lane, row.cumulative, SkipReason.STALE);
            } else if (!_signed(cfg.signer, _voucherDigest(potId, row.payee, row.lane, row.cumulative), row.sig)) {
                emit ClaimSkipped(potId, row.payee, row.lane, row.cumulative, SkipReason.BAD_SIGNATURE);
            } else {
                left -= _settle(cfg, potId, lane, row.payee, row.lane, row.cumulative, left);
            }
        }
        paid = pot.balance - left;
        _pots[potId].balance = left;
    }

    /// @inheritdoc ITabcastPot
    function pay(PotConfig calldata cfg, Payment[] calldata rows) external nonReentrant returns (uint256 paid) {
        bytes32 potId = _potId(cfg);
        _onlyPayerOrSigner(cfg, potId);
        Pot memory pot = _livePot(potId);
        uint96 left = pot.balance;
        for (uint256 i = 0; i < rows.length; i++) {
            Payment calldata row = rows[i];
            Lane storage lane = _lanes[potId][_laneKey(row.payee, row.lane)];
            if (row.cumulative <= lane.claimed) {
                emit ClaimSkipped(potId, row.payee, row.lane, row.cumulative, SkipReason.STALE);
            } else {
                left -= _settle(cfg, potId, lane, row.payee, row.lane, row.cumulative, left);
            }
        }
        paid = pot.balance - left;
        _pots[potId].balance = left;
    }

    /// @inheritdoc ITabcastPot
    function withdraw(address account, address token) external nonReentrant {
        _withdraw(account, token, account, credits[account][token]);
    }

    /// @inheritdoc ITabcastPot
    function withdrawTo(address token, address to, uint256 amount) external nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        _withdraw(msg.sender, token, to, amount);
    }

    /// @inheritdoc ITabcastPot
    function startClose(PotConfig calldata cfg) external nonReentrant {
        bytes32 potId = _potId(cfg);
        _onlyPayerOrSigner(cfg, potId);
        Pot memory pot = _livePot(potId);
        if (pot.closeAt != 0) revert PotClosing(potId, pot.closeAt);
        uint32 closeAt = SafeCast.toUint32(block.timestamp + cfg.challengePeriod);
        _pots[potId].closeAt = closeAt;
        emit CloseStarted(potId, closeAt);
    }

    /// @inheritdoc ITabcastPot
    function cancelClose(PotConfig calldata cfg) external nonReentrant {
        bytes32 potId = _potId(cfg);
        if (msg.sender != cfg.payer) revert NotAuthorised(potId, msg.sender);
        if (_livePot(potId).closeAt == 0) revert PotNotClosing(potId);
        _pots[potId].closeAt = 0;
        emit CloseCancelled(potId);
    }

    /// @inheritdoc ITabcastPot
    function finalizeClose(PotConfig calldata cfg) external nonReentrant {
        bytes32 potId = _potId(cfg);
        Pot memory pot = _livePot(potId);
        // Asked first: zero would pass the comparison below.
        if (pot.closeAt == 0) revert PotNotClosing(potId);
        if (block.timestamp < pot.closeAt) revert ChallengeRunning(potId, pot.closeAt, block.timestamp);
        _pots[potId].balance = 0;
        _pots[potId].closeAt = FINALIZED;
        credits[cfg.payer][cfg.token] += pot.balance;
        emit PotFinalized(potId, pot.balance);
    }

    /// @inheritdoc ITabcastPot
    function getPotId(PotConfig calldata cfg) external view returns (bytes32) {
        return _potId(cfg);
    }

    /// @inheritdoc ITabcastPot
    function voucherDigest(bytes32 potId, address payee, uint32 lane, uint96 cumulative)
        external
        view
        returns (bytes32)
    {
        return _voucherDigest(potId, payee, lane, cumulative);
    }

    /// @inheritdoc ITabcastPot
    function potState(bytes32 potId) external view returns (Pot memory) {
        return _pots[potId];
    }

    /// @inheritdoc ITabcastPot
    function laneState(bytes32 potId, address payee, uint32 lane) external view returns (Lane memory) {
        return _lanes[potId][_laneKey(payee, lane)];
    }

    /// @inheritdoc ITabcastPot
    function laneStates(bytes32 potId, address[] calldata payees, uint32[] calldata lanes)
        external
        view
        returns (Lane[] memory states)
    {
        if (payees.length != lanes.length) revert LengthMismatch(payees.length, lanes.length);
        states = new Lane[](payees.length);
        for (uint256 i = 0; i < payees.length; i++) {
            states[i] = _lanes[potId][_laneKey(payees[i], lanes[i])];
        }
    }

    /// @dev Pays a lane up to `cumulative` as far as `available` goes and returns what it took. The caller has checked that
    /// `cumulative` is above the lane's counter, and writes the balance back.
    function _settle(
        PotConfig calldata cfg,
        bytes32 potId,
        Lane storage lane,
        address payee,
        uint32 laneId,
        uint96 cumulative,
        uint96 available
    ) private returns (uint96 amount) {
        uint96 claimed = lane.claimed;
        uint96 due = cumulative - claimed;
        amount = due <= available ? due : available;
        if (amount != 0) {
            uint96 fee = uint96(uint256(amount) * FEE_BPS / 10_000); // fits: FEE_BPS is at most 100
            lane.claimed = claimed + amount;
            credits[payee][cfg.token] += amount - fee;
            if (fee != 0) credits[FEE_RECIPIENT][cfg.token] += fee;
            emit Claimed(potId, payee, laneId, amount, claimed + amount, fee);
        }
        if (amount < due) {
            bounces[cfg.payer]++;
            emit Bounced(potId, cfg.payer, payee, laneId, due - amount);
        }
    }

    function _withdraw(address account, address token, address to, uint256 amount) private {
        if (amount == 0) revert ZeroAmount();
        uint256 credit = credits[account][token];
        if (amount > credit) revert CreditTooSmall(account, token, credit, amount);
        credits[account][token] = credit - amount;
        emit CreditWithdrawn(account, token, to, amount);
        // A credit in any token but zero cannot exist, since `deposit` refuses them.
        Address.sendValue(payable(to), amount);
    }

    /// @dev The pot, if it exists and is not final.
    function _livePot(bytes32 potId) private view returns (Pot memory pot) {
        pot = _pots[potId];
        if (pot.openedAt == 0) revert PotUnknown(potId);
        if (pot.closeAt == FINALIZED) revert PotIsFinal(potId);
    }

    function _onlyPayerOrSigner(PotConfig calldata cfg, bytes32 potId) private view {
        if (msg.sender != cfg.payer && msg.sender != cfg.signer) revert NotAuthorised(potId, msg.sender);
    }

    function _potId(PotConfig calldata cfg) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(POT_TYPEHASH, cfg.payer, cfg.signer, cfg.token, cfg.challengePeriod, cfg.salt))
        );
    }

    function _voucherDigest(bytes32 potId, address payee, uint32 lane, uint96 cumulative)
        private
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPEHASH, potId, payee, lane, cumulative)));
    }

    /// @dev ECDSA only: an ERC-1271 answer could change after the work was done.
    function _signed(address signer, bytes32 digest, bytes calldata sig) private pure returns (bool) {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, sig);
        return failure == ECDSA.RecoverError.NoError && recovered == signer;
    }

    function _laneKey(address payee, uint32 lane) private pure returns (uint256) {
        return uint256(lane) << 160 | uint160(payee);
    }
}
