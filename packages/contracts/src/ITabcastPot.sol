// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title One deposit that pays many workers by signed cumulative vouchers.
/// @notice A broadcaster deposits once and names a session key. Each worker tab has a lane in that pot; the session key signs
/// ever higher totals for it, and anyone may bring the highest one here. Nobody owns, upgrades or pauses the contract.
/// @dev Authority: `claimed` of a lane is what was paid, and never falls. A pot's balance leaves it only as `claimed` or as the
/// payer's refund; every coin leaves the contract through a credit, except the signer's gas at deposit.
interface ITabcastPot {
    /// @notice Everything a pot's id is the hash of: whoever holds it knows all the pot's rules.
    /// @param payer Receives the refund; alone may cancel a close.
    /// @param signer Session key that signs vouchers: always an ECDSA key, never a contract.
    /// @param token Zero for the chain's own coin, the only one accepted so far.
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
    /// @param balance Wei deposited and neither claimed nor refunded.
    /// @param closeAt 0: open; 1 to 2^32-2: closing, may be finalized from that unix second; 2^32-1: final for ever.
    /// @param openedAt Unix second of the first deposit; 0 means that the pot does not exist.
    struct Pot {
        uint96 balance;
        uint32 closeAt;
        uint32 openedAt;
    }

    /// @notice A worker tab's counter in a pot.
    /// @param claimed Wei paid so far; never falls.
    struct Lane {
        uint96 claimed;
    }

    /// @notice A voucher as it is brought to the chain.
    /// @param payee Whose credit grows.
    /// @param lane The payee's tab.
    /// @param cumulative Wei owed to this lane since the pot opened.
    /// @param sig 65 bytes r, s, v by the signer: s in the lower half, v 27 or 28.
    struct VoucherClaim {
        address payee;
        uint32 lane;
        uint96 cumulative;
        bytes sig;
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

    /// @notice A pot received its first deposit.
    event PotOpened(
        bytes32 indexed potId,
        address indexed payer,
        address indexed signer,
        address token,
        uint40 challengePeriod,
        bytes32 salt
    );
    /// @notice `amount` wei arrived; the pot now holds `balance`.
    event Deposited(bytes32 indexed potId, address indexed from, uint96 amount, uint96 balance);
    /// @notice A lane was paid `paid` wei, of which `fee` went to the fee recipient; `claimed` is its new total.
    event Claimed(
        bytes32 indexed potId, address indexed payee, uint32 indexed lane, uint96 paid, uint96 claimed, uint96 fee
    );
    /// @notice A row was passed over; the rest of its batch was not affected.
    event ClaimSkipped(
        bytes32 indexed potId, address indexed payee, uint32 indexed lane, uint96 cumulative, SkipReason reason
    );
    /// @notice The pot could not pay a valid row in full: `shortfall` wei stay owed. Any holder can repeat it, so count
    /// distinct (lane, cumulative), not events.
    event Bounced(bytes32 indexed potId, address indexed payer, address indexed payee, uint32 lane, uint96 shortfall);
    /// @notice Workers have until at least the unix second `closeAt` to claim.
    event CloseStarted(bytes32 indexed potId, uint32 closeAt);
    /// @notice The pot is open again.
    event CloseCancelled(bytes32 indexed potId);
    /// @notice The pot is final; `refund` wei became the payer's credit.
    event PotFinalized(bytes32 indexed potId, uint96 refund);
    /// @notice `amount` of an account's credit left the contract.
    event CreditWithdrawn(address indexed account, address indexed token, address indexed to, uint256 amount);

    /// @notice A deposit, withdrawal or payment of nothing.
    error ZeroAmount();
    /// @notice The payer, signer, recipient or fee recipient may not be the zero address.
    error ZeroAddress();
    /// @notice Only the chain's own coin (token zero) is accepted.
    error TokenUnsupported(address token);
    /// @notice The challenge period in seconds is outside its bounds.
    error ChallengePeriodOutOfBounds(uint40 challengePeriod, uint40 min, uint40 max);
    /// @notice The coins sent are not `amount + signerGas`.
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

    /// @notice Opens a pot or tops it up; anyone may. The value sent is `amount + signerGas`.
    /// @param amount Wei for the pot; not zero.
    /// @param signerGas Wei handed on to the session key for its own transactions, last of all; may be zero.
    /// @dev Never touches a close: a closing or final pot refuses.
    function deposit(PotConfig calldata cfg, uint96 amount, uint96 signerGas) external payable;

    /// @notice Pays the vouchers that anyone brings, each to its own payee's credit.
    /// @dev A stale or wrongly signed row is skipped with `ClaimSkipped`. A row that the balance does not cover is paid as far as
    /// it goes, and the rest stays owed. Reverts only if the pot is unknown or final.
    /// @return paid Wei that left the pot, over all rows.
    function claim(PotConfig calldata cfg, VoucherClaim[] calldata rows) external returns (uint256 paid);

    /// @notice As `claim`, without signatures: the payer or signer sends it in person.
    /// @return paid Wei that left the pot, over all rows.
    function pay(PotConfig calldata cfg, Payment[] calldata rows) external returns (uint256 paid);

    /// @notice Sends the whole credit of `account` to `account`; anyone may.
    function withdraw(address account, address token) external;

    /// @notice Sends part of the caller's own credit to another address.
    function withdrawTo(address token, address to, uint256 amount) external;

    /// @notice Starts the close of an open pot; payer or signer. Claims go on until somebody finalizes.
    function startClose(PotConfig calldata cfg) external;

    /// @notice Takes a started close back; the payer only.
    function cancelClose(PotConfig calldata cfg) external;

    /// @notice After the challenge, turns what is left into the payer's credit and makes the pot final; anyone may.
    function finalizeClose(PotConfig calldata cfg) external;

    /// @notice The pot's id: EIP-712 hash of its config, bound to this chain and contract.
    function getPotId(PotConfig calldata cfg) external view returns (bytes32);

    /// @notice What the signer signs for a lane's total.
    function voucherDigest(bytes32 potId, address payee, uint32 lane, uint96 cumulative) external view returns (bytes32);

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
}
