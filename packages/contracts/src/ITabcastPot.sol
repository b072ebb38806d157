// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title One deposit that pays many workers by signed cumulative vouchers.
/// @notice A broadcaster deposits once and names a session key. Each worker tab has a lane in that pot; the session key signs
/// ever higher totals for it, and anyone may bring the highest one here. Nobody owns, upgrades or pauses the contract.
/// @dev Authority: `claimed` of a lane is what was paid, and never falls. A pot's balance leaves it only as `claimed` or as the
/// payer's refund; every coin leaves the contract through a credit, except the signer's gas at deposit.
///
/// This is version 2, and its EIP-712 domain says so. It has every function, event and error of version 1 with the same selectors
/// and topics. Version 1 has no watchtower's share, does not free lapsed guarantees in `pay`, reverts in `release` for a live
/// reservation of another, and may end a close one second after the last guarantee.
interface ITabcastPot {
    /// @notice Everything a pot's id is the hash of: whoever holds it knows all the pot's rules.
    /// @param payer Receives the refund; alone may cancel a close.
    /// @param signer Session key that signs vouchers: always an ECDSA key, never a contract.
    /// @param token An ERC-20 that moves exactly what it is told to, or zero for the chain's own coin.
    /// @param challengePeriod Seconds between a close's start and its end, in which workers claim.
    /// @param salt Random: makes a second pot of the same parties another pot.
    struct PotConfig {
        address payer;
        address signer;
        address token;
        uint40 challengePeriod;
        bytes32 salt;
    }

    /// @notice A pot in one storage slot.
    /// @param balance Deposited and neither claimed nor refunded, in the token's smallest unit, as all amounts here.
    /// @param reserved The part of it that is promised to lanes: the sum of their `ceiling - claimed`.
    /// @param closeAt 0: open; 1 to 2^32-2: closing, may be finalized from that unix second; 2^32-1: final for ever.
    /// @param maxUntil Latest `until` of any reservation so far, from the unix second of the first deposit on; 0 means that the
    /// pot does not exist.
    struct Pot {
        uint96 balance;
        uint96 reserved;
        uint32 closeAt;
        uint32 maxUntil;
    }

    /// @notice A worker tab's counter in a pot, in one storage slot. The worker chooses the lane's number, and with its five
    /// highest bits what a watchtower may keep: see `watchtowerShare`.
    /// @param claimed Paid so far; never falls.
    /// @param ceiling Total up to which payment is guaranteed until `until`; nothing is reserved where it is not above `claimed`.
    /// @param until Last unix second of the guarantee.
    /// @param version Changes of the reservation so far; the next reservation must name it.
    struct Lane {
        uint96 claimed;
        uint96 ceiling;
        uint40 until;
        uint24 version;
    }

    /// @notice A promise to pay a lane up to `ceiling`, whatever others are paid, until `until`.
    /// @param version The lane's version it follows on, so that it works once.
    struct Reservation {
        address payee;
        uint32 lane;
        uint96 ceiling;
        uint40 until;
        uint24 version;
    }

    /// @notice A reservation that the session key signed and anybody may bring. 65 bytes of signature as in `VoucherClaim`.
    struct SignedReservation {
        Reservation reservation;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice A voucher as it is brought to the chain.
    /// @param payee Whose credit grows.
    /// @param lane The payee's tab.
    /// @param cumulative Owed to this lane since the pot opened.
    /// @param v 27 or 28; with `r` and `s`, which is in the lower half, the signer's ECDSA signature. No other form has room.
    struct VoucherClaim {
        address payee;
        uint32 lane;
        uint96 cumulative;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice A lane's new total, stated by the payer or signer in person.
    struct Payment {
        address payee;
        uint32 lane;
        uint96 cumulative;
    }

    /// @notice Why a row of a batch changed nothing.
    enum SkipReason {
        STALE,
        BAD_SIGNATURE
    }

    /// @notice Why a reservation changed nothing: signed by another; a payee of zero or this contract; `until` past or more than
    /// `MAX_RESERVE_TTL` ahead; another version; a live reservation that it would not raise; nothing above what is claimed; more
    /// than is free.
    enum RefusedReason {
        BAD_SIGNATURE,
        PAYEE,
        UNTIL,
        VERSION,
        NOT_MORE,
        CEILING,
        FUNDS
    }

    /// @notice A pot received its first deposit.
    event PotOpened(
        bytes32 indexed potId,
        address indexed payer,
        address indexed signer,
        address token,
        uint40 challengePeriod,
        bytes32 salt
    );
    /// @notice `amount` arrived; the pot now holds `balance`.
    event Deposited(bytes32 indexed potId, address indexed from, uint96 amount, uint96 balance);
    /// @notice A lane is guaranteed payment up to `ceiling` until the unix second `until`.
    event Reserved(
        bytes32 indexed potId, address indexed payee, uint32 indexed lane, uint96 ceiling, uint40 until, uint24 version
    );
    /// @notice A reservation was passed over; the rest of its batch was not affected.
    event ReservationRefused(
        bytes32 indexed potId, address indexed payee, uint32 indexed lane, uint24 version, RefusedReason reason
    );
    /// @notice `amount` that was reserved for a lane is free again: it lapsed, or its payee let go of it.
    event Released(bytes32 indexed potId, address indexed payee, uint32 indexed lane, uint96 amount);
    /// @notice A lane was paid `paid`, and `claimed` is its new total. The payee's credit rose by `paid - fee`: `fee` is the
    /// contract's fee and, in `claimAsWatchtower`, the watchtower's share.
    event Claimed(
        bytes32 indexed potId, address indexed payee, uint32 indexed lane, uint96 paid, uint96 claimed, uint96 fee
    );
    /// @notice `share` of what a batch was paid became the credit of the watchtower's `beneficiary`.
    event WatchtowerPaid(bytes32 indexed potId, address indexed beneficiary, uint256 share);
    /// @notice A row was passed over; the rest of its batch was not affected.
    event ClaimSkipped(
        bytes32 indexed potId, address indexed payee, uint32 indexed lane, uint96 cumulative, SkipReason reason
    );
    /// @notice The pot could not pay a valid row in full: `shortfall` stays owed. Any holder can repeat it, so count
    /// distinct (lane, cumulative), not events.
    event Bounced(bytes32 indexed potId, address indexed payer, address indexed payee, uint32 lane, uint96 shortfall);
    /// @notice Workers have until at least the unix second `closeAt` to claim.
    event CloseStarted(bytes32 indexed potId, uint32 closeAt);
    /// @notice The pot is open again.
    event CloseCancelled(bytes32 indexed potId);
    /// @notice The pot is final; `refund` became the payer's credit.
    event PotFinalized(bytes32 indexed potId, uint96 refund);
    /// @notice `amount` of an account's credit left the contract.
    event CreditWithdrawn(address indexed account, address indexed token, address indexed to, uint256 amount);

    /// @notice A deposit or withdrawal of nothing.
    error ZeroAmount();
    /// @notice The payer, signer, recipient or fee recipient may not be the zero address.
    error ZeroAddress();
    /// @notice This way of paying in is for tokens, not for the chain's own coin.
    error TokenRequired();
    /// @notice The token moved another amount than it was told to: it takes fees or changes balances, and is not for pots.
    error InexactTransfer(address token, uint256 expected, uint256 received);
    /// @notice The contract was deployed without Permit2.
    error Permit2Unknown();
    /// @notice The authorization is not 65 bytes, or the release is not signed by its payee.
    error BadSignature();
    /// @notice The challenge period in seconds is outside its bounds.
    error ChallengePeriodOutOfBounds(uint40 challengePeriod, uint40 min, uint40 max);
    /// @notice The coins sent are not `signerGas`, and `amount` in a pot of the chain's own coin.
    error WrongValue(uint256 sent, uint256 expected);
    /// @notice The fee is over its ceiling.
    error FeeTooHigh(uint16 feeBps, uint16 max);
    /// @notice Nobody ever deposited into this pot.
    error PotUnknown(bytes32 potId);
    /// @notice The pot is final.
    error PotIsFinal(bytes32 potId);
    /// @notice The pot is closing since the close that ends at `closeAt` was started.
    error PotClosing(bytes32 potId, uint32 closeAt);
    /// @notice No close was started.
    error PotNotClosing(bytes32 potId);
    /// @notice The challenge runs until the unix second `closeAt`; it is `time` now.
    error ChallengeRunning(bytes32 potId, uint32 closeAt, uint256 time);
    /// @notice The caller may not do this with this pot.
    error NotAuthorised(bytes32 potId, address caller);
    /// @notice The account's credit is smaller than the amount.
    error CreditTooSmall(address account, address token, uint256 credit, uint256 amount);
    /// @notice Two lists that belong together differ in length.
    error LengthMismatch(uint256 payees, uint256 lanes);

    /// @notice Opens a pot or tops it up; anyone may. The value sent is `signerGas`, plus `amount` in a pot of the chain's own
    /// coin; of a token, `amount` is taken by the caller's allowance.
    /// @param amount For the pot; not zero.
    /// @param signerGas Wei handed on to the session key for its own transactions, last of all; may be zero.
    /// @dev Never touches a close: a closing or final pot refuses.
    function deposit(PotConfig calldata cfg, uint96 amount, uint96 signerGas) external payable;

    /// @notice As `deposit`, of the caller's own credit.
    function depositFromCredit(PotConfig calldata cfg, uint96 amount) external;

    /// @notice As `deposit` of the caller's tokens, by an EIP-2612 permit. A permit that somebody else has used up already does no
    /// harm: what counts is the allowance.
    function depositWithPermit(PotConfig calldata cfg, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice As `deposit` of the payer's tokens, by an EIP-3009 authorization that anyone may bring. Its nonce is
    /// `keccak256(abi.encode(potId, amount, authSalt))`, which ties it to this pot.
    /// @param sig 65 bytes r, s, v by the payer.
    function depositWithAuthorization(
        PotConfig calldata cfg,
        uint96 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 authSalt,
        bytes calldata sig
    ) external;

    /// @notice As `deposit` of the payer's tokens, by a Permit2 signature with the witness `PotDeposit(bytes32 potId)`, which
    /// anyone may bring.
    function depositWithPermit2(
        PotConfig calldata cfg,
        uint96 amount,
        uint256 nonce,
        uint256 deadline,
        bytes calldata sig
    ) external;

    /// @notice Guarantees lanes a part of the balance; payer or signer, open pot only. A row that does not fit is passed over with
    /// `ReservationRefused`, since a claim that comes first may have changed its lane. Live reservations only grow.
    function reserve(PotConfig calldata cfg, Reservation[] calldata rows) external;

    /// @notice As `reserve`; anyone may bring what the signer signed.
    function reserveWithSig(PotConfig calldata cfg, SignedReservation[] calldata rows) external;

    /// @notice Frees reservations: lapsed ones by anyone, live ones by their own payee. Others are passed over, as are lanes with
    /// nothing reserved; `Released` says what was freed.
    function release(PotConfig calldata cfg, address[] calldata payees, uint32[] calldata lanes) external;

    /// @notice As `release` of one live reservation; anyone may bring the payee's signature, which may be a contract wallet's.
    function releaseWithSig(PotConfig calldata cfg, address payee, uint32 lane, bytes calldata sig) external;

    /// @notice Pays the vouchers that anyone brings, each to its own payee's credit.
    /// @dev A stale or wrongly signed row is skipped with `ClaimSkipped`. A row that the balance does not cover is paid as far as
    /// it goes - its own reservation and what is free, never what is reserved for others - and the rest stays owed. Reverts only if
    /// the pot is unknown or final.
    /// @return paid What left the pot, over all rows.
    function claim(PotConfig calldata cfg, VoucherClaim[] calldata rows) external returns (uint256 paid);

    /// @notice As `claim`, and `beneficiary` is credited with each lane's `watchtowerShare` of what its payee would have got,
    /// rounded down, if the pot has been closing for so long that at most half a challenge period is left: until then the worker
    /// itself, or an honest payer, loses nothing. Before, it is `claim`. Whoever is first gets the share.
    /// @param beneficiary Any address but zero; several watchtowers of one person may name the same.
    /// @return paid What left the pot, over all rows, the share included.
    /// @return share What `beneficiary` was credited with.
    function claimAsWatchtower(PotConfig calldata cfg, VoucherClaim[] calldata rows, address beneficiary)
        external
        returns (uint256 paid, uint256 share);

    /// @notice As `claim`, without signatures: the payer or signer sends it in person. Before any row is paid, the lapsed
    /// reservations of all rows' lanes are freed; a row of a lane that was paid already serves that alone.
    /// @return paid What left the pot, over all rows.
    function pay(PotConfig calldata cfg, Payment[] calldata rows) external returns (uint256 paid);

    /// @notice Sends the whole credit of `account` to `account`; anyone may.
    function withdraw(address account, address token) external;

    /// @notice Sends part of the caller's own credit to another address.
    function withdrawTo(address token, address to, uint256 amount) external;

    /// @notice Starts the close of an open pot; payer or signer. It may be finalized after the challenge period, and not before
    /// `LAPSE_MARGIN` has passed since the last guarantee ended. Claims go on until somebody does.
    function startClose(PotConfig calldata cfg) external;

    /// @notice Takes a started close back; the payer only.
    function cancelClose(PotConfig calldata cfg) external;

    /// @notice After the challenge, turns what is left into the payer's credit and makes the pot final; anyone may.
    function finalizeClose(PotConfig calldata cfg) external;

    /// @notice The pot's id: EIP-712 hash of its config, bound to this chain and contract.
    function getPotId(PotConfig calldata cfg) external view returns (bytes32);

    /// @notice What the signer signs for a lane's total.
    function voucherDigest(bytes32 potId, address payee, uint32 lane, uint96 cumulative) external view returns (bytes32);

    /// @notice What the signer signs for a reservation that others may bring.
    function reservationDigest(bytes32 potId, Reservation calldata reservation) external view returns (bytes32);

    /// @notice What a payee signs to let go of its reservation at this version.
    function releaseDigest(bytes32 potId, address payee, uint32 lane, uint24 version) external view returns (bytes32);

    /// @notice What a claim of `cumulative` would pay now: `guaranteed` whatever others claim first, `soft` if nobody does.
    function claimable(PotConfig calldata cfg, address payee, uint32 lane, uint96 cumulative)
        external
        view
        returns (uint96 guaranteed, uint96 soft);

    /// @notice What the number of a lane leaves to a watchtower, in percent: its five highest bits if they are not above
    /// `MAX_WATCHTOWER_SHARE`, else nothing. Only the payee's own choice counts: it accepts no voucher for a lane that it did not
    /// name, and a voucher for another is a gift.
    function watchtowerShare(uint32 lane) external pure returns (uint256 percent);

    /// @notice The pot as stored; all zero if nobody deposited yet.
    function potState(bytes32 potId) external view returns (Pot memory);

    /// @notice One lane as stored.
    function laneState(bytes32 potId, address payee, uint32 lane) external view returns (Lane memory);

    /// @notice Many lanes at once, in the order asked.
    function laneStates(bytes32 potId, address[] calldata payees, uint32[] calldata lanes)
        external
        view
        returns (Lane[] memory);

    /// @notice What `account` may withdraw, in the token's smallest unit; token zero is wei.
    function credits(address account, address token) external view returns (uint256);

    /// @notice How often this payer's pots could not pay a row in full. Repeatable by any holder of a voucher: a hint only.
    function bounces(address payer) external view returns (uint64);

    /// @notice Fee on each payment in hundredths of a percent; constant.
    function FEE_BPS() external view returns (uint16);

    /// @notice Whose credit the fee becomes; constant.
    function FEE_RECIPIENT() external view returns (address);

    /// @notice Shortest challenge period, in seconds.
    function MIN_CHALLENGE() external view returns (uint40);

    /// @notice Longest challenge period, in seconds.
    function MAX_CHALLENGE() external view returns (uint40);

    /// @notice Longest reservation, in seconds.
    function MAX_RESERVE_TTL() external view returns (uint40);

    /// @notice Seconds between the end of the last guarantee and the earliest end of a close, in which what lapsed can be freed and
    /// claimed by those who waited for it.
    function LAPSE_MARGIN() external view returns (uint40);

    /// @notice Largest share of a watchtower, in percent.
    function MAX_WATCHTOWER_SHARE() external view returns (uint256);

    /// @notice Uniswap's Permit2 on this chain, or zero; constant.
    function PERMIT2() external view returns (address);
}
