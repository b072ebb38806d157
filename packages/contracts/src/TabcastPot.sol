// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC2612} from "@openzeppelin/contracts/interfaces/IERC2612.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IPermit2} from "./IPermit2.sol";
import {ITabcastPot} from "./ITabcastPot.sol";

/// @title The pot: see ITabcastPot for what each function promises.
contract TabcastPot is ITabcastPot, EIP712, Multicall, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 private constant POT_TYPEHASH =
        keccak256("PotConfig(address payer,address signer,address token,uint40 challengePeriod,bytes32 salt)");
    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 potId,address payee,uint32 lane,uint96 cumulative)");
    bytes32 private constant RESERVATION_TYPEHASH =
        keccak256("Reservation(bytes32 potId,address payee,uint32 lane,uint96 ceiling,uint40 until,uint24 version)");
    bytes32 private constant RELEASE_TYPEHASH =
        keccak256("Release(bytes32 potId,address payee,uint32 lane,uint24 version)");
    bytes32 private constant POT_DEPOSIT_TYPEHASH = keccak256("PotDeposit(bytes32 potId)");
    string private constant PERMIT2_WITNESS =
        "PotDeposit witness)PotDeposit(bytes32 potId)TokenPermissions(address token,uint256 amount)";
    /// @dev `closeAt` of a pot that never changes again.
    uint32 private constant FINALIZED = type(uint32).max;
    uint16 private constant MAX_FEE_BPS = 100;
    /// @dev Half of secp256k1's order: of the two s that sign the same, only the lower is taken (EIP-2).
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @inheritdoc ITabcastPot
    uint40 public constant MIN_CHALLENGE = 15 minutes;
    /// @inheritdoc ITabcastPot
    uint40 public constant MAX_CHALLENGE = 7 days;
    /// @inheritdoc ITabcastPot
    uint40 public constant MAX_RESERVE_TTL = 24 hours;
    /// @inheritdoc ITabcastPot
    uint40 public constant LAPSE_MARGIN = 15 minutes;
    /// @inheritdoc ITabcastPot
    uint256 public constant MAX_WATCHTOWER_SHARE = 20;
    /// @inheritdoc ITabcastPot
    uint16 public immutable FEE_BPS;
    /// @inheritdoc ITabcastPot
    address public immutable FEE_RECIPIENT;
    /// @inheritdoc ITabcastPot
    address public immutable PERMIT2;

    /// @dev `Pot` and `Lane` while a call works on them: whole words, since the compiler masks smaller ones at every touch, which
    /// cost a fifth of a claim. Their values always fit the fields they came from: see `_keep` and `_store`.
    struct Books {
        uint256 balance;
        uint256 reserved;
        uint256 closeAt;
        uint256 maxUntil;
        /// Whether lanes leave a share to a watchtower in this call, and what it has come to.
        bool sharing;
        uint256 shared;
    }

    struct Counter {
        uint256 claimed;
        uint256 ceiling;
        uint256 until;
        uint256 version;
    }

    mapping(bytes32 potId => Pot) private _pots;
    mapping(bytes32 potId => mapping(uint256 laneKey => Lane)) private _lanes;
    /// @dev By token first, so that a batch's rows share half of the way to their slots.
    mapping(address token => mapping(address account => uint256)) private _credits;
    /// @inheritdoc ITabcastPot
    mapping(address payer => uint64) public bounces;

    /// @param feeBps Fee on each payment in hundredths of a percent, at most 100.
    /// @param feeRecipient Whose credit it becomes; not zero if there is a fee.
    /// @param permit2 Uniswap's Permit2 on this chain; zero does without.
    constructor(uint16 feeBps, address feeRecipient, address permit2) EIP712("TabcastPot", "2") {
        if (feeBps > MAX_FEE_BPS) revert FeeTooHigh(feeBps, MAX_FEE_BPS);
        if (feeBps != 0 && feeRecipient == address(0)) revert ZeroAddress();
        FEE_BPS = feeBps;
        FEE_RECIPIENT = feeRecipient;
        PERMIT2 = permit2;
    }

    // Paying in.

    /// @inheritdoc ITabcastPot
    function deposit(PotConfig calldata cfg, uint96 amount, uint96 signerGas) external payable nonReentrant {
        uint256 expected = cfg.token == address(0) ? uint256(amount) + signerGas : signerGas;
        if (msg.value != expected) revert WrongValue(msg.value, expected);
        bytes32 potId = _open(cfg, amount);
        if (cfg.token != address(0)) _pull(cfg.token, msg.sender, amount);
        _fund(potId, amount);
        // Last, when the books are complete: this hands control to whatever lives at the signer's address.
        if (signerGas != 0) Address.sendValue(payable(cfg.signer), signerGas);
    }

    /// @inheritdoc ITabcastPot
    function depositFromCredit(PotConfig calldata cfg, uint96 amount) external nonReentrant {
        bytes32 potId = _open(cfg, amount);
        _spendCredit(msg.sender, cfg.token, amount);
        _fund(potId, amount);
    }

    /// @inheritdoc ITabcastPot
    function depositWithPermit(PotConfig calldata cfg, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        _onlyToken(cfg.token);
        bytes32 potId = _open(cfg, amount);
        // Whoever saw this transaction waiting may have used its permit already; then the allowance is there all the same.
        try IERC2612(cfg.token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _pull(cfg.token, msg.sender, amount);
        _fund(potId, amount);
    }

    /// @inheritdoc ITabcastPot
    function depositWithAuthorization(
        PotConfig calldata cfg,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 authSalt,
        bytes calldata sig
    ) external nonReentrant {
        _onlyToken(cfg.token);
        if (sig.length != 65) revert BadSignature();
        bytes32 potId = _open(cfg, amount);
        uint256 before = IERC20(cfg.token).balanceOf(address(this));
        bytes32 nonce = keccak256(abi.encode(potId, amount, authSalt));
        // "receive", not "transfer": only this contract can use it, so nobody can move the money and leave the pot out.
        IERC3009(cfg.token)
            .receiveWithAuthorization(
                cfg.payer,
                address(this),
                amount,
                validAfter,
                validBefore,
                nonce,
                uint8(sig[64]),
                bytes32(sig[:32]),
                bytes32(sig[32:64])
            );
        _requireArrived(cfg.token, before, amount);
        _fund(potId, amount);
    }

    /// @inheritdoc ITabcastPot
    function depositWithPermit2(
        PotConfig calldata cfg,
        uint96 amount,
        uint256 nonce,
        uint256 deadline,
        bytes calldata sig
    ) external nonReentrant {
        _onlyToken(cfg.token);
        if (PERMIT2 == address(0)) revert Permit2Unknown();
        bytes32 potId = _open(cfg, amount);
        uint256 before = IERC20(cfg.token).balanceOf(address(this));
        IPermit2(PERMIT2)
            .permitWitnessTransferFrom(
                IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(cfg.token, amount), nonce, deadline),
                IPermit2.SignatureTransferDetails(address(this), amount),
                cfg.payer,
                keccak256(abi.encode(POT_DEPOSIT_TYPEHASH, potId)),
                PERMIT2_WITNESS,
                sig
            );
        _requireArrived(cfg.token, before, amount);
        _fund(potId, amount);
    }

    // Reservations.

    /// @inheritdoc ITabcastPot
    function reserve(PotConfig calldata cfg, Reservation[] calldata rows) external nonReentrant {
        bytes32 potId = _potId(cfg);
        _onlyPayerOrSigner(cfg, potId);
        Books memory pot = _openPot(potId);
        mapping(uint256 laneKey => Lane) storage lanes = _lanes[potId];
        Counter memory lane;
        for (uint256 i = 0; i < rows.length; i = _next(i)) {
            _reserve(pot, potId, lanes, lane, rows[i]);
        }
        _keep(potId, pot);
    }

    /// @inheritdoc ITabcastPot
    function reserveWithSig(PotConfig calldata cfg, SignedReservation[] calldata rows) external nonReentrant {
        bytes32 potId = _potId(cfg);
        Books memory pot = _openPot(potId);
        mapping(uint256 laneKey => Lane) storage lanes = _lanes[potId];
        Counter memory lane;
        for (uint256 i = 0; i < rows.length; i++) {
            SignedReservation calldata row = rows[i];
            bytes32 digest = _hashTypedDataV4(_reservationHash(potId, row.reservation));
            if (_signed(cfg.signer, digest, row.v, row.r, row.s)) _reserve(pot, potId, lanes, lane, row.reservation);
            else _refuse(potId, row.reservation, RefusedReason.BAD_SIGNATURE);
        }
        _keep(potId, pot);
    }

    /// @inheritdoc ITabcastPot
    function release(PotConfig calldata cfg, address[] calldata payees, uint32[] calldata lanes) external nonReentrant {
        if (payees.length != lanes.length) revert LengthMismatch(payees.length, lanes.length);
        bytes32 potId = _potId(cfg);
        Books memory pot = _livePot(potId);
        Counter memory lane;
        for (uint256 i = 0; i < payees.length; i++) {
            Lane storage slot = _lanes[potId][_laneKey(payees[i], lanes[i])];
            _load(slot, lane);
            if (lane.ceiling <= lane.claimed) continue;
            if (block.timestamp <= lane.until && msg.sender != payees[i]) continue;
            _free(pot, potId, lane, payees[i], lanes[i]);
            _store(slot, lane);
        }
        _keep(potId, pot);
    }

    /// @inheritdoc ITabcastPot
    function releaseWithSig(PotConfig calldata cfg, address payee, uint32 laneId, bytes calldata sig)
        external
        nonReentrant
    {
        bytes32 potId = _potId(cfg);
        Books memory pot = _livePot(potId);
        Lane storage slot = _lanes[potId][_laneKey(payee, laneId)];
        Counter memory lane;
        _load(slot, lane);
        if (lane.ceiling <= lane.claimed) revert ZeroAmount();
        bytes32 digest = _releaseDigest(potId, payee, laneId, uint24(lane.version));
        if (!SignatureChecker.isValidSignatureNowCalldata(payee, digest, sig)) revert BadSignature();
        _free(pot, potId, lane, payee, laneId);
        _store(slot, lane);
        _keep(potId, pot);
    }

    // Paying out.

    /// @inheritdoc ITabcastPot
    function claim(PotConfig calldata cfg, VoucherClaim[] calldata rows) external nonReentrant returns (uint256 paid) {
        bytes32 potId = _potId(cfg);
        Books memory pot = _livePot(potId);
        paid = _claim(cfg, pot, potId, rows);
    }

    /// @inheritdoc ITabcastPot
    function claimAsWatchtower(PotConfig calldata cfg, VoucherClaim[] calldata rows, address beneficiary)
        external
        nonReentrant
        returns (uint256 paid, uint256 share)
    {
        if (beneficiary == address(0)) revert ZeroAddress();
        bytes32 potId = _potId(cfg);
        Books memory pot = _livePot(potId);
        pot.sharing = pot.closeAt != 0 && block.timestamp + cfg.challengePeriod / 2 >= pot.closeAt;
        paid = _claim(cfg, pot, potId, rows);
        share = pot.shared;
        if (share != 0) {
            _credits[cfg.token][beneficiary] += share;
            emit WatchtowerPaid(potId, beneficiary, share);
        }
    }

    /// @inheritdoc ITabcastPot
    function pay(PotConfig calldata cfg, Payment[] calldata rows) external nonReentrant returns (uint256 paid) {
        bytes32 potId = _potId(cfg);
        _onlyPayerOrSigner(cfg, potId);
        Books memory pot = _livePot(potId);
        uint256 before = pot.balance;
        mapping(uint256 laneKey => Lane) storage lanes = _lanes[potId];
        mapping(address account => uint256) storage credit = _credits[cfg.token];
        Counter memory lane;
        if (pot.reserved != 0) _freeLapsed(pot, potId, lanes, lane, rows);
        for (uint256 i = 0; i < rows.length; i = _next(i)) {
            Payment calldata row = rows[i];
            (address payee, uint32 laneId, uint96 cumulative) = (row.payee, row.lane, row.cumulative);
            Lane storage slot = lanes[_laneKey(payee, laneId)];
            _load(slot, lane);
            if (cumulative <= lane.claimed) {
                emit ClaimSkipped(potId, payee, laneId, cumulative, SkipReason.STALE);
                continue;
            }
            _settle(cfg, pot, potId, credit, lane, payee, laneId, cumulative);
            _store(slot, lane);
        }
        _keep(potId, pot);
        return before - pot.balance;
    }

    /// @inheritdoc ITabcastPot
    function withdraw(address account, address token) external nonReentrant {
        _withdraw(account, token, account, _credits[token][account]);
    }

    /// @inheritdoc ITabcastPot
    function withdrawTo(address token, address to, uint256 amount) external nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        _withdraw(msg.sender, token, to, amount);
    }

    // Ending.

    /// @inheritdoc ITabcastPot
    function startClose(PotConfig calldata cfg) external nonReentrant {
        bytes32 potId = _potId(cfg);
        _onlyPayerOrSigner(cfg, potId);
        Books memory pot = _openPot(potId);
        uint256 challenged = block.timestamp + cfg.challengePeriod;
        uint256 guaranteed = pot.maxUntil + LAPSE_MARGIN;
        uint32 closeAt = SafeCast.toUint32(challenged > guaranteed ? challenged : guaranteed);
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
        Books memory pot = _livePot(potId);
        // Asked first: zero would pass the comparison below.
        if (pot.closeAt == 0) revert PotNotClosing(potId);
        if (block.timestamp < pot.closeAt) revert ChallengeRunning(potId, uint32(pot.closeAt), block.timestamp);
        uint96 refund = uint96(pot.balance);
        pot.balance = 0;
        pot.reserved = 0;
        pot.closeAt = FINALIZED;
        _keep(potId, pot);
        _credits[cfg.token][cfg.payer] += refund;
        emit PotFinalized(potId, refund);
    }

    // Looking.

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
        return _voucherDigest(_domainSeparatorV4(), potId, payee, lane, cumulative);
    }

    /// @inheritdoc ITabcastPot
    function reservationDigest(bytes32 potId, Reservation calldata reservation) external view returns (bytes32) {
        return _hashTypedDataV4(_reservationHash(potId, reservation));
    }

    /// @inheritdoc ITabcastPot
    function releaseDigest(bytes32 potId, address payee, uint32 lane, uint24 version) external view returns (bytes32) {
        return _releaseDigest(potId, payee, lane, version);
    }

    /// @inheritdoc ITabcastPot
    function claimable(PotConfig calldata cfg, address payee, uint32 laneId, uint96 cumulative)
        external
        view
        returns (uint96 guaranteed, uint96 soft)
    {
        bytes32 potId = _potId(cfg);
        Pot memory pot = _pots[potId];
        Counter memory lane;
        _load(_lanes[potId][_laneKey(payee, laneId)], lane);
        if (cumulative <= lane.claimed) return (0, 0);
        uint256 due = cumulative - lane.claimed;
        uint256 own = _reservedOf(lane);
        if (block.timestamp <= lane.until) guaranteed = uint96(_least(due, own));
        // Of a lapsed reservation too: a claim frees it first. Nothing is left of a pot that is final.
        soft = uint96(_least(due, pot.balance - (pot.reserved - _least(own, pot.reserved))));
    }

    /// @inheritdoc ITabcastPot
    function watchtowerShare(uint32 lane) external pure returns (uint256 percent) {
        return _share(lane);
    }

    /// @inheritdoc ITabcastPot
    function credits(address account, address token) external view returns (uint256) {
        return _credits[token][account];
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

    // How.

    /// @dev Checks that a deposit may be made, and makes the pot exist.
    function _open(PotConfig calldata cfg, uint96 amount) private returns (bytes32 potId) {
        if (amount == 0) revert ZeroAmount();
        if (cfg.payer == address(0) || cfg.signer == address(0)) revert ZeroAddress();
        if (cfg.challengePeriod < MIN_CHALLENGE || cfg.challengePeriod > MAX_CHALLENGE) {
            revert ChallengePeriodOutOfBounds(cfg.challengePeriod, MIN_CHALLENGE, MAX_CHALLENGE);
        }
        potId = _potId(cfg);
        Pot storage pot = _pots[potId];
        if (pot.closeAt == FINALIZED) revert PotIsFinal(potId);
        if (pot.closeAt != 0) revert PotClosing(potId, pot.closeAt);
        if (pot.maxUntil == 0) {
            pot.maxUntil = SafeCast.toUint32(block.timestamp);
            emit PotOpened(potId, cfg.payer, cfg.signer, cfg.token, cfg.challengePeriod, cfg.salt);
        }
    }

    /// @dev Books what has arrived. The guard held throughout, so the pot is still open.
    function _fund(bytes32 potId, uint96 amount) private {
        uint96 balance = _pots[potId].balance + amount;
        _pots[potId].balance = balance;
        emit Deposited(potId, msg.sender, amount, balance);
    }

    function _pull(address token, address from, uint96 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(from, address(this), amount);
        _requireArrived(token, before, amount);
    }

    function _requireArrived(address token, uint256 before, uint96 amount) private view {
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert InexactTransfer(token, amount, received);
    }

    /// @dev One row of a reservation; what it changes of the pot is in `pot`, for the caller to store. Unchecked: timestamps and
    /// amounts are far below 256 bits; a subtraction follows the comparison that makes it safe, or the invariants
    /// own <= reserved <= balance.
    function _reserve(
        Books memory pot,
        bytes32 potId,
        mapping(uint256 laneKey => Lane) storage lanes,
        Counter memory lane,
        Reservation calldata row
    ) private {
        unchecked {
            (address payee, uint256 ceiling, uint256 until) = (row.payee, row.ceiling, row.until);
            Lane storage slot = lanes[_laneKey(payee, row.lane)];
            _load(slot, lane);
            if (payee == address(0) || payee == address(this)) return _refuse(potId, row, RefusedReason.PAYEE);
            if (until <= block.timestamp || until > block.timestamp + MAX_RESERVE_TTL) {
                return _refuse(potId, row, RefusedReason.UNTIL);
            }
            if (row.version != lane.version) return _refuse(potId, row, RefusedReason.VERSION);
            if (ceiling <= lane.claimed) return _refuse(potId, row, RefusedReason.CEILING);
            uint256 own = _reservedOf(lane);
            if (own != 0 && block.timestamp <= lane.until) {
                bool shrinks = ceiling < lane.ceiling || until < lane.until;
                bool same = ceiling == lane.ceiling && until == lane.until;
                if (shrinks || same) return _refuse(potId, row, RefusedReason.NOT_MORE);
            }
            uint256 added = ceiling - lane.claimed;
            if (added > pot.balance - pot.reserved + own) return _refuse(potId, row, RefusedReason.FUNDS);
            if (own != 0) {
                if (block.timestamp > lane.until) _free(pot, potId, lane, payee, row.lane);
                else pot.reserved -= own;
            }
            pot.reserved += added;
            lane.ceiling = ceiling;
            lane.until = until;
            lane.version = uint24(lane.version + 1);
            _store(slot, lane);
            // The cast reverts after the year 2106, when seconds no longer fit.
            if (until > pot.maxUntil) pot.maxUntil = SafeCast.toUint32(until);
            emit Reserved(potId, payee, row.lane, uint96(ceiling), uint40(until), uint24(lane.version));
        }
    }

    function _refuse(bytes32 potId, Reservation calldata row, RefusedReason reason) private {
        emit ReservationRefused(potId, row.payee, row.lane, row.version, reason);
    }

    /// @dev Ends a lane's reservation, in memory.
    function _free(Books memory pot, bytes32 potId, Counter memory lane, address payee, uint32 laneId) private {
        uint256 own = lane.ceiling - lane.claimed;
        pot.reserved -= own;
        lane.ceiling = lane.claimed;
        lane.version = uint24(lane.version + 1);
        emit Released(potId, payee, laneId, uint96(own));
    }

    /// @dev Pays what a batch of vouchers brings, and stores the pot.
    function _claim(PotConfig calldata cfg, Books memory pot, bytes32 potId, VoucherClaim[] calldata rows)
        private
        returns (uint256 paid)
    {
        uint256 before = pot.balance;
        mapping(uint256 laneKey => Lane) storage lanes = _lanes[potId];
        mapping(address account => uint256) storage credit = _credits[cfg.token];
        bytes32 domain = _domainSeparatorV4();
        address signer = cfg.signer;
        Counter memory lane;
        for (uint256 i = 0; i < rows.length; i = _next(i)) {
            VoucherClaim calldata row = rows[i];
            (address payee, uint32 laneId, uint96 cumulative) = (row.payee, row.lane, row.cumulative);
            Lane storage slot = lanes[_laneKey(payee, laneId)];
            _load(slot, lane);
            if (cumulative <= lane.claimed) {
                emit ClaimSkipped(potId, payee, laneId, cumulative, SkipReason.STALE);
                continue;
            }
            bytes32 digest = _voucherDigest(domain, potId, payee, laneId, cumulative);
            if (!_signed(signer, digest, row.v, row.r, row.s)) {
                emit ClaimSkipped(potId, payee, laneId, cumulative, SkipReason.BAD_SIGNATURE);
                continue;
            }
            _settle(cfg, pot, potId, credit, lane, payee, laneId, cumulative);
            _store(slot, lane);
        }
        _keep(potId, pot);
        return before - pot.balance;
    }

    /// @dev Frees what lapsed of the rows' lanes. Each is stored at once: a lane may be in the list twice.
    function _freeLapsed(
        Books memory pot,
        bytes32 potId,
        mapping(uint256 laneKey => Lane) storage lanes,
        Counter memory lane,
        Payment[] calldata rows
    ) private {
        for (uint256 i = 0; i < rows.length; i = _next(i)) {
            Payment calldata row = rows[i];
            Lane storage slot = lanes[_laneKey(row.payee, row.lane)];
            _load(slot, lane);
            if (lane.ceiling <= lane.claimed || block.timestamp <= lane.until) continue;
            _free(pot, potId, lane, row.payee, row.lane);
            _store(slot, lane);
        }
    }

    /// @dev Pays a lane up to `cumulative`, which the caller has checked to be above its counter, as far as its own reservation
    /// and what is free go. In memory; the caller stores pot and lane. Unchecked: own <= reserved <= balance, all are 96 bits,
    /// and a credit or a count of bounces that overflowed would have taken 2^64 rows and more.
    function _settle(
        PotConfig calldata cfg,
        Books memory pot,
        bytes32 potId,
        mapping(address account => uint256) storage credit,
        Counter memory lane,
        address payee,
        uint32 laneId,
        uint96 cumulative
    ) private {
        unchecked {
            uint256 own = _reservedOf(lane);
            if (own != 0 && block.timestamp > lane.until) {
                _free(pot, potId, lane, payee, laneId);
                own = 0;
            }
            uint256 due = cumulative - lane.claimed;
            uint256 amount = _least(due, pot.balance - pot.reserved + own);
            if (amount != 0) {
                if (own != 0) pot.reserved -= _least(amount, own);
                pot.balance -= amount;
                lane.claimed += amount;
                uint256 fee;
                if (FEE_BPS != 0) {
                    fee = amount * FEE_BPS / 10_000;
                    credit[FEE_RECIPIENT] += fee;
                }
                if (pot.sharing) {
                    uint256 share = (amount - fee) * _share(laneId) / 100;
                    pot.shared += share;
                    fee += share;
                }
                credit[payee] += amount - fee;
                emit Claimed(potId, payee, laneId, uint96(amount), uint96(lane.claimed), uint96(fee));
            }
            if (amount < due) {
                bounces[cfg.payer]++;
                emit Bounced(potId, cfg.payer, payee, laneId, uint96(due - amount));
            }
        }
    }

    function _withdraw(address account, address token, address to, uint256 amount) private {
        if (amount == 0) revert ZeroAmount();
        _spendCredit(account, token, amount);
        emit CreditWithdrawn(account, token, to, amount);
        if (token == address(0)) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    function _spendCredit(address account, address token, uint256 amount) private {
        uint256 credit = _credits[token][account];
        if (amount > credit) revert CreditTooSmall(account, token, credit, amount);
        _credits[token][account] = credit - amount;
    }

    /// @dev Into the same memory for all rows of a batch.
    function _load(Lane storage slot, Counter memory lane) private view {
        uint256 word;
        assembly ("memory-safe") {
            word := sload(slot.slot)
        }
        lane.claimed = uint96(word);
        lane.ceiling = uint96(word >> 96);
        lane.until = uint40(word >> 192);
        lane.version = word >> 232;
    }

    /// @dev `claimed` is at most a voucher's total and `ceiling` a row's, which are 96 bits; `version` wraps.
    function _store(Lane storage slot, Counter memory lane) private {
        uint256 word = lane.claimed | lane.ceiling << 96 | lane.until << 192 | lane.version << 232;
        assembly ("memory-safe") {
            sstore(slot.slot, word)
        }
    }

    /// @dev Neither balance nor reserved grows beyond what was deposited, which `_fund` checks to fit.
    function _keep(bytes32 potId, Books memory books) private {
        Pot storage pot = _pots[potId];
        pot.balance = uint96(books.balance);
        pot.reserved = uint96(books.reserved);
        pot.closeAt = uint32(books.closeAt);
        pot.maxUntil = uint32(books.maxUntil);
    }

    /// @dev What is reserved for a lane, live or lapsed. A soft payment may have raised `claimed` above the ceiling.
    function _reservedOf(Counter memory lane) private pure returns (uint256) {
        return lane.ceiling > lane.claimed ? lane.ceiling - lane.claimed : 0;
    }

    /// @dev In percent.
    function _share(uint32 laneId) private pure returns (uint256 percent) {
        percent = laneId >> 27;
        if (percent > MAX_WATCHTOWER_SHARE) percent = 0;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    /// @dev The pot, if it exists and is not final.
    function _livePot(bytes32 potId) private view returns (Books memory books) {
        Pot memory pot = _pots[potId];
        if (pot.maxUntil == 0) revert PotUnknown(potId);
        if (pot.closeAt == FINALIZED) revert PotIsFinal(potId);
        return Books(pot.balance, pot.reserved, pot.closeAt, pot.maxUntil, false, 0);
    }

    /// @dev The pot, if it exists and no close was started.
    function _openPot(bytes32 potId) private view returns (Books memory pot) {
        pot = _livePot(potId);
        if (pot.closeAt != 0) revert PotClosing(potId, uint32(pot.closeAt));
    }

    function _onlyToken(address token) private pure {
        if (token == address(0)) revert TokenRequired();
    }

    function _onlyPayerOrSigner(PotConfig calldata cfg, bytes32 potId) private view {
        if (msg.sender != cfg.payer && msg.sender != cfg.signer) revert NotAuthorised(potId, msg.sender);
    }

    function _potId(PotConfig calldata cfg) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(POT_TYPEHASH, cfg.payer, cfg.signer, cfg.token, cfg.challengePeriod, cfg.salt))
        );
    }

    /// @dev EIP-712's keccak256(0x1901, domain, keccak256(abi.encode(type, ...))) in memory past the free pointer, which nothing
    /// keeps; the typed arguments are clean.
    function _voucherDigest(bytes32 domain, bytes32 potId, address payee, uint32 lane, uint96 cumulative)
        private
        pure
        returns (bytes32 digest)
    {
        bytes32 typehash = VOUCHER_TYPEHASH;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, typehash)
            mstore(add(at, 0x20), potId)
            mstore(add(at, 0x40), payee)
            mstore(add(at, 0x60), lane)
            mstore(add(at, 0x80), cumulative)
            let hash := keccak256(at, 0xa0)
            mstore(at, 0x1901)
            mstore(add(at, 0x20), domain)
            mstore(add(at, 0x40), hash)
            digest := keccak256(add(at, 0x1e), 0x42)
        }
    }

    function _reservationHash(bytes32 potId, Reservation calldata row) private pure returns (bytes32) {
        return
            keccak256(abi.encode(RESERVATION_TYPEHASH, potId, row.payee, row.lane, row.ceiling, row.until, row.version));
    }

    function _releaseDigest(bytes32 potId, address payee, uint32 lane, uint24 version) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RELEASE_TYPEHASH, potId, payee, lane, version)));
    }

    /// @dev ECDSA only: an ERC-1271 answer could change after the work was done. Upper-half s and any v but 27 and 28 are refused
    /// before the precompile is asked; it returns nothing for r and s that recover no key, and then zero stays, which no signer is.
    function _signed(address signer, bytes32 digest, uint8 v, bytes32 r, bytes32 s) private view returns (bool) {
        if (uint256(s) > HALF_ORDER || (v != 27 && v != 28)) return false;
        address recovered;
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, digest)
            mstore(add(at, 0x20), v)
            mstore(add(at, 0x40), r)
            mstore(add(at, 0x60), s)
            mstore(0, 0)
            pop(staticcall(gas(), 1, at, 0x80, 0, 0x20))
            recovered := mload(0)
        }
        return recovered == signer && recovered != address(0);
    }

    /// @dev A row's index stays below the length of calldata.
    function _next(uint256 i) private pure returns (uint256) {
        unchecked {
            return i + 1;
        }
    }

    function _laneKey(address payee, uint32 lane) private pure returns (uint256) {
        return uint256(lane) << 160 | uint160(payee);
    }
}
