// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {IPot, PotBase, PotTest} from "./PotTest.sol";
import {ModalToken} from "./Tokens.sol";
import {Vm} from "./Vm.sol";

/// @dev Plays everybody at random and keeps its own books. Each action knows beforehand whether it must succeed, so that a call
/// that ought to be refused and is not fails as surely as the other way round.
contract PotHandler is PotBase {
    /// Three of the chain's coin, the third of another payer, and one of a token that changes its manners.
    uint256 public constant POTS = 4;
    uint256 public constant TOKEN_POT = 3;
    uint256 public constant LANES = 12; // four honest workers and two sybils, two tabs each
    uint256 private constant PEOPLE_KEY = 0x1000;
    /// Of secp256k1.
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 private constant ELSEWHERE = 10;
    address public constant TOWER = address(0x70e4);
    /// The five highest bits of four tabs' lanes, and the percent that they leave to a watchtower.
    uint256[4] private NUMBERS = [0, 5, 20, 21];
    uint256[4] private SHARES = [0, 5, 20, 0];

    struct Book {
        bool open;
        bool ended;
        uint256 closeAt;
        uint256 requestedAt;
        uint256 deposits;
        uint256 balance;
        uint256 reserved;
        uint256 maxUntil;
        uint256 refund;
    }

    /// A lane as it must stand on chain, and what is known of how it got there.
    struct Slot {
        uint256 claimed;
        uint256 ceiling;
        uint256 until;
        uint256 version;
        uint256 byEvents;
        uint256 authorised;
    }

    struct SignedVoucher {
        uint256 pot;
        uint256 lane;
        uint96 cumulative;
        bytes sig;
    }

    struct SignedPromise {
        uint256 pot;
        uint256 lane;
        bool bySigner;
        ITabcastPot.SignedReservation row;
    }

    Book[POTS] private books;
    Slot[LANES][POTS] private slots;
    bytes32[POTS] public idOf;
    ModalToken public immutable TOKEN;
    /// The same contract at another address.
    IPot private immutable TWIN;
    uint256 private immutable HERE = block.chainid;
    /// Per token: zero is the chain's coin, one the token.
    uint256[2] public donated;
    uint256[2] public deposited;
    uint256[2] public withdrawn;
    uint256[2] public fees;
    mapping(address account => uint256[2]) private earned;
    mapping(address account => uint256[2]) private taken;
    mapping(address payee => uint256 index) private indexOf;
    SignedVoucher[] private vouchers;
    SignedPromise[] private promises;
    /// Guarantees that a claim relied on while they were live: none would make invariant 7 an empty one.
    uint256 public guaranteesUsed;
    /// Watchtowers that got a share: none would make invariant 28 an empty one.
    uint256 public sharesPaid;

    constructor(IPot at, ModalToken token) {
        pot = at;
        TOKEN = token;
        TWIN = deploy(37, address(0xfee), address(0));
        vm.deal(payer, type(uint96).max);
        vm.deal(stranger, type(uint96).max);
        for (uint256 p = 0; p < POTS; p++) {
            idOf[p] = pot.getPotId(cfgOf(p));
        }
        for (uint256 l = 0; l < LANES; l += 2) {
            (address payee,) = laneOf(l);
            indexOf[payee] = l;
        }
        address[2] memory funders = [payer, stranger];
        for (uint256 i = 0; i < 2; i++) {
            token.mint(funders[i], type(uint96).max);
            vm.prank(funders[i]);
            token.approve(address(pot), type(uint256).max);
        }
    }

    function cfgOf(uint256 p) public view returns (ITabcastPot.PotConfig memory cfg) {
        cfg = config();
        cfg.salt = bytes32(p + 1);
        if (p == 2) cfg.payer = stranger;
        if (p == TOKEN_POT) cfg.token = address(TOKEN);
    }

    function book(uint256 p) external view returns (Book memory) {
        return books[p];
    }

    function slot(uint256 p, uint256 l) external view returns (Slot memory) {
        return slots[p][l];
    }

    function owing(address account, uint256 t) public view returns (uint256) {
        return earned[account][t] - taken[account][t];
    }

    function laneOf(uint256 l) public view returns (address payee, uint32 lane) {
        return (vm.addr(PEOPLE_KEY + l / 2), uint32(NUMBERS[l % 4] << 27 | l % 2));
    }

    function tokenOf(uint256 p) private pure returns (uint256) {
        return p == TOKEN_POT ? 1 : 0;
    }

    function tokenAt(uint256 t) private view returns (address) {
        return t == 1 ? address(TOKEN) : address(0);
    }

    function partyOf(uint256 p, uint8 who) private view returns (address) {
        ITabcastPot.PotConfig memory cfg = cfgOf(p);
        return who % 3 == 0 ? cfg.payer : who % 3 == 1 ? cfg.signer : address(0xbad);
    }

    // What the actors do.

    function deposit(uint256 p, uint96 amount, uint96 gas, bool byOther) external {
        p %= POTS;
        amount = uint96(bound(amount, 0, 10 ether));
        gas = uint96(bound(gas, 0, 1 ether));
        bool ok = amount != 0 && books[p].closeAt == 0 && !books[p].ended && (tokenOf(p) == 0 || movesExactly());
        uint256 value = tokenOf(p) == 1 ? gas : uint256(amount) + gas;
        vm.prank(byOther ? stranger : payer);
        (bool done,) = address(pot).call{value: value}(abi.encodeCall(ITabcastPot.deposit, (cfgOf(p), amount, gas)));
        vm.assertTrue(done == ok, "11: a deposit only into an open pot, exactly, and not of nothing");
        if (!ok) return;
        deposited[tokenOf(p)] += amount;
        arrived(p, amount);
    }

    function depositCredit(uint256 p, uint256 l, uint96 amount) external {
        p %= POTS;
        (address payee,) = laneOf(l % LANES);
        uint256 due = owing(payee, tokenOf(p));
        amount = uint96(bound(amount, 0, due + 1));
        bool ok = amount != 0 && amount <= due && books[p].closeAt == 0 && !books[p].ended;
        vm.prank(payee);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.depositFromCredit, (cfgOf(p), amount)));
        vm.assertTrue(done == ok, "only the own credit pays in");
        if (!ok) return;
        taken[payee][tokenOf(p)] += amount;
        arrived(p, amount);
    }

    function sign(uint256 p, uint256 l, uint96 cumulative) external {
        p %= POTS;
        l %= LANES;
        cumulative = uint96(bound(cumulative, 0, 8 ether));
        (address payee, uint32 lane) = laneOf(l);
        bytes memory sig = signature(SIGNER_KEY, pot.voucherDigest(idOf[p], payee, lane, cumulative));
        vouchers.push(SignedVoucher(p, l, cumulative, sig));
        if (cumulative > slots[p][l].authorised) slots[p][l].authorised = cumulative;
    }

    /// A batch of what was signed, in any order, some twice, some for another pot, some spoilt.
    /// Invariant 15: the books of `account` know no order. 19, 20: what `spoil` makes of a voucher pays nothing.
    function claimBatch(uint256 p, uint256 seed) external {
        claimAny(p % POTS, seed, false);
    }

    /// The same by a watchtower.
    function claimAsWatchtower(uint256 p, uint256 seed) external {
        claimAny(p % POTS, seed, true);
    }

    function claimAny(uint256 p, uint256 seed, bool byTower) private {
        if (vouchers.length == 0) return;
        uint256 length = bound(seed, 1, 6);
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](length);
        uint256[] memory lanes = new uint256[](length);
        for (uint256 i = 0; i < length; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            SignedVoucher memory s = vouchers[seed % vouchers.length];
            (address payee, uint32 lane) = laneOf(s.lane);
            rows[i] = signedRow(payee, lane, s.cumulative, s.sig);
            lanes[i] = s.lane;
            bool spoilt = spoil(rows[i], p, seed >> 250 & 15);
            if (spoilt || s.pot != p) lanes[i] = type(uint256).max; // not a voucher of this pot
        }
        bytes memory call = byTower
            ? abi.encodeCall(ITabcastPot.claimAsWatchtower, (cfgOf(p), rows, TOWER))
            : abi.encodeCall(ITabcastPot.claim, (cfgOf(p), rows));
        bool ok = books[p].open && !books[p].ended;
        vm.recordLogs();
        vm.prank(stranger);
        (bool done, bytes memory result) = address(pot).call(call);
        vm.assertTrue(done == ok, "claim reverts only for an unknown or final pot");
        if (!ok) return;
        byTower = byTower && books[p].closeAt != 0 && time() >= books[p].closeAt - HOUR / 2;
        uint256 total;
        uint256 before = earned[TOWER][tokenOf(p)];
        for (uint256 i = 0; i < length; i++) {
            if (lanes[i] != type(uint256).max) total += account(p, lanes[i], rows[i].cumulative, byTower);
        }
        uint256 share = earned[TOWER][tokenOf(p)] - before;
        if (share != 0) sharesPaid++;
        vm.assertLe(share, total / 5, "28: a share is a fifth at most");
        if (result.length == 64) vm.assertEq(uint256(bytes32(slice(result))), share, "28: and what the lanes leave");
        vm.assertEq(uint256(bytes32(result)), total, "16: a batch pays what its good rows pay one by one");
        readEvents(p);
    }

    /// @dev What follows the first word.
    function slice(bytes memory result) private pure returns (bytes memory rest) {
        rest = new bytes(32);
        for (uint256 i = 0; i < 32; i++) {
            rest[i] = result[32 + i];
        }
    }

    /// Some lanes, one perhaps twice, some of them paid already.
    function payDirectly(uint256 p, uint256 seed, uint8 who) external {
        p %= POTS;
        address caller = partyOf(p, who);
        bool ok = caller != address(0xbad) && books[p].open && !books[p].ended;
        ITabcastPot.Payment[] memory rows = new ITabcastPot.Payment[](bound(seed, 1, 4));
        uint256[] memory lanes = new uint256[](rows.length);
        for (uint256 i = 0; i < rows.length; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            lanes[i] = seed % LANES;
            (address payee, uint32 lane) = laneOf(lanes[i]);
            rows[i] = ITabcastPot.Payment(payee, lane, uint96(bound(seed >> 8, 0, 8 ether)));
        }
        vm.recordLogs();
        vm.prank(caller);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.pay, (cfgOf(p), rows)));
        vm.assertTrue(done == ok, "pay is for the payer and the signer");
        if (!ok) return;
        for (uint256 i = 0; i < rows.length; i++) {
            if (reservedOf(slots[p][lanes[i]]) != 0 && time() > slots[p][lanes[i]].until) lapse(p, lanes[i]);
        }
        uint256 free = books[p].balance - books[p].reserved;
        uint256 due;
        uint256 paid;
        for (uint256 i = 0; i < rows.length; i++) {
            uint256 total = rows[i].cumulative;
            if (total > slots[p][lanes[i]].claimed) due += total - slots[p][lanes[i]].claimed;
            if (total > slots[p][lanes[i]].authorised) slots[p][lanes[i]].authorised = total;
            paid += account(p, lanes[i], total, false);
        }
        if (due <= free) vm.assertEq(paid, due, "27: what is free of live guarantees pays everybody in full");
        readEvents(p);
    }

    /// Mostly rows that fit, so that there are guarantees to break; some do not.
    function reserve(uint256 p, uint256 l, uint96 ceiling, uint40 ttl, uint8 who, bool old) external {
        p %= POTS;
        l %= LANES;
        ITabcastPot.Reservation[] memory rows = new ITabcastPot.Reservation[](1);
        rows[0] = promiseOf(p, l, ceiling, ttl, old);
        address caller = partyOf(p, who);
        bool ok = caller != address(0xbad) && isOpen(p);
        vm.prank(caller);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.reserve, (cfgOf(p), rows)));
        vm.assertTrue(done == ok, "11: reservations are for the payer and the signer of an open pot");
        if (ok) bookPromise(p, l, rows[0]);
    }

    function signPromise(uint256 p, uint256 l, uint96 ceiling, uint40 ttl, bool bySigner) external {
        p %= POTS;
        l %= LANES;
        ITabcastPot.Reservation memory row = promiseOf(p, l, ceiling, ttl, false);
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(bySigner ? SIGNER_KEY : OTHER_KEY, pot.reservationDigest(idOf[p], row));
        promises.push(SignedPromise(p, l, bySigner, ITabcastPot.SignedReservation(row, v, r, s)));
    }

    /// Anything that was ever signed, brought to any pot, again and again.
    function bringPromise(uint256 p, uint256 which) external {
        p %= POTS;
        if (promises.length == 0) return;
        SignedPromise memory signed = promises[which % promises.length];
        ITabcastPot.SignedReservation[] memory rows = new ITabcastPot.SignedReservation[](1);
        rows[0] = signed.row;
        vm.prank(stranger);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.reserveWithSig, (cfgOf(p), rows)));
        vm.assertTrue(done == isOpen(p), "11: only an open pot reserves");
        if (done && signed.bySigner && signed.pot == p) bookPromise(p, signed.lane, signed.row.reservation);
    }

    function release(uint256 p, uint256 l, uint8 who) external {
        p %= POTS;
        l %= LANES;
        (address[] memory payees, uint32[] memory lanes) = (new address[](1), new uint32[](1));
        (payees[0], lanes[0]) = laneOf(l);
        address caller = who % 2 == 0 ? payees[0] : partyOf(p, who / 2);
        bool something = reservedOf(slots[p][l]) != 0;
        bool mayEnd = caller == payees[0] || time() > slots[p][l].until;
        bool ok = books[p].open && !books[p].ended;
        vm.prank(caller);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.release, (cfgOf(p), payees, lanes)));
        vm.assertTrue(done == ok, "release reverts only for an unknown or final pot");
        if (ok && something && mayEnd) lapse(p, l); // 8: nobody but the payee ends a live one
    }

    function releaseSigned(uint256 p, uint256 l, bool byPayee) external {
        p %= POTS;
        l %= LANES;
        (address payee, uint32 lane) = laneOf(l);
        bytes32 digest = pot.releaseDigest(idOf[p], payee, lane, uint24(slots[p][l].version));
        bytes memory sig = signature(byPayee ? PEOPLE_KEY + l / 2 : SIGNER_KEY, digest);
        bool ok = books[p].open && !books[p].ended && byPayee && reservedOf(slots[p][l]) != 0;
        vm.prank(stranger);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.releaseWithSig, (cfgOf(p), payee, lane, sig)));
        vm.assertTrue(done == ok, "8: nor ends one by another's signature");
        if (ok) lapse(p, l);
    }

    function start(uint256 p, uint8 who) external {
        p %= POTS;
        address caller = partyOf(p, who);
        bool ok = caller != address(0xbad) && isOpen(p);
        vm.prank(caller);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.startClose, (cfgOf(p))));
        vm.assertTrue(done == ok, "12: only payer and signer start a close, once");
        if (!ok) return;
        books[p].requestedAt = time();
        uint256 challenged = time() + HOUR;
        uint256 waited = books[p].maxUntil + 15 minutes;
        books[p].closeAt = challenged > waited ? challenged : waited;
    }

    function cancel(uint256 p, uint8 who) external {
        p %= POTS;
        address caller = partyOf(p, who);
        bool ok = caller == cfgOf(p).payer && books[p].closeAt != 0 && !books[p].ended;
        vm.prank(caller);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.cancelClose, (cfgOf(p))));
        vm.assertTrue(done == ok, "12: only the payer takes a close back");
        if (ok) books[p].closeAt = 0;
    }

    function finalizeAny(uint256 p) external {
        p %= POTS;
        Book storage own = books[p];
        bool ok = own.closeAt != 0 && !own.ended && time() >= own.closeAt;
        vm.prank(stranger);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.finalizeClose, (cfgOf(p))));
        vm.assertTrue(done == ok, "9: final only after a request and its whole challenge");
        if (!ok) return;
        vm.assertTrue(time() >= own.requestedAt + HOUR, "9: the challenge");
        for (uint256 l = 0; l < LANES; l++) {
            bool recent = reservedOf(slots[p][l]) != 0 && time() < slots[p][l].until + 15 minutes;
            vm.assertTrue(!recent, "9: no guarantee is live, or has just lapsed");
        }
        own.ended = true;
        own.refund = own.balance;
        earned[cfgOf(p).payer][tokenOf(p)] += own.balance;
        own.balance = 0;
        own.reserved = 0;
    }

    function withdraw(uint256 l, uint8 t, bool ofPayer) external {
        t %= 2;
        (address payee,) = laneOf(l % LANES);
        if (ofPayer) payee = l % 3 == 0 ? payer : l % 3 == 1 ? stranger : TOWER;
        uint256 due = owing(payee, t);
        uint256 before = held(payee, t);
        bool ok = due != 0 && (t == 0 || (paysOut() && !TOKEN.blacklisted(payee)));
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.withdraw, (payee, tokenAt(t))));
        vm.assertTrue(done == ok, "17: a credit can be withdrawn whenever its token moves");
        if (!ok) return;
        if (t == 0) vm.assertEq(held(payee, t) - before, due, "17: all of it, to its owner");
        taken[payee][t] += due;
        withdrawn[t] += due;
    }

    function withdrawPart(uint256 l, uint8 t, uint256 amount) external {
        t %= 2;
        (address payee,) = laneOf(l % LANES);
        uint256 due = owing(payee, t);
        amount = bound(amount, 0, due + 1);
        bool ok = amount != 0 && amount <= due && (t == 0 || paysOut());
        vm.prank(payee);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.withdrawTo, (tokenAt(t), address(0x7a5e), amount)));
        vm.assertTrue(done == ok, "17: not more than the own credit");
        if (!ok) return;
        taken[payee][t] += amount;
        withdrawn[t] += amount;
    }

    function donate(uint96 amount, uint8 t) external {
        t %= 2;
        amount = uint96(bound(amount, 0, 1 ether));
        if (t == 0) vm.deal(address(pot), address(pot).balance + amount);
        else TOKEN.mint(address(pot), amount);
        donated[t] += amount;
    }

    /// The token's manners change: fees, reverts, a list of the unwanted, calls back into the pot.
    function misbehave(uint8 mode, uint256 l, bool listed) external {
        TOKEN.set(ModalToken.Mode(mode % 6));
        (address payee,) = laneOf(l % LANES);
        TOKEN.blacklist(payee, listed);
        bytes memory attack = l % 2 == 0
            ? abi.encodeCall(ITabcastPot.withdraw, (payee, address(TOKEN)))
            : abi.encodeCall(ITabcastPot.finalizeClose, (cfgOf(TOKEN_POT)));
        TOKEN.attackWith(address(pot), attack);
    }

    function wait(uint256 seconds_) external {
        vm.warp(time() + bound(seconds_, 0, 2 * uint256(HOUR)));
    }

    // The handler's own books.

    function isOpen(uint256 p) private view returns (bool) {
        return books[p].open && !books[p].ended && books[p].closeAt == 0;
    }

    function movesExactly() private view returns (bool) {
        ModalToken.Mode mode = TOKEN.mode();
        return mode == ModalToken.Mode.GOOD || mode == ModalToken.Mode.REENTER || mode == ModalToken.Mode.SILENT;
    }

    function paysOut() private view returns (bool) {
        return movesExactly() || TOKEN.mode() == ModalToken.Mode.FEE; // what the receiver then loses is its token's affair
    }

    function held(address account_, uint256 t) private view returns (uint256) {
        return t == 0 ? account_.balance : TOKEN.balanceOf(account_);
    }

    /// One in three rows is made into something that the signer never signed for this pot, in this form.
    function spoil(ITabcastPot.VoucherClaim memory row, uint256 p, uint256 how) private returns (bool) {
        if (how == 0) {
            row.cumulative += 1;
        } else if (how == 1) {
            (row.s, row.v) = (bytes32(ORDER - uint256(row.s)), row.v == 27 ? 28 : 27); // the other half of the curve
        } else if (how == 2) {
            row.v -= 27;
        } else if (how == 3) {
            bytes32 digest = TWIN.voucherDigest(idOf[p], row.payee, row.lane, row.cumulative); // another contract's
            (row.v, row.r, row.s) = vm.sign(SIGNER_KEY, digest);
        } else if (how == 4) {
            vm.chainId(ELSEWHERE);
            bytes32 digest = pot.voucherDigest(idOf[p], row.payee, row.lane, row.cumulative);
            vm.chainId(HERE);
            (row.v, row.r, row.s) = vm.sign(SIGNER_KEY, digest);
        }
        return how < 5;
    }

    function arrived(uint256 p, uint256 amount) private {
        if (!books[p].open) books[p].maxUntil = time();
        books[p].open = true;
        books[p].deposits += amount;
        books[p].balance += amount;
    }

    function reservedOf(Slot memory own) private pure returns (uint256) {
        return own.ceiling > own.claimed ? own.ceiling - own.claimed : 0;
    }

    function promiseOf(uint256 p, uint256 l, uint96 ceiling, uint40 ttl, bool old)
        private
        view
        returns (ITabcastPot.Reservation memory)
    {
        (address payee, uint32 lane) = laneOf(l);
        Slot memory own = slots[p][l];
        uint96 least = own.claimed > own.ceiling ? uint96(own.claimed) : uint96(own.ceiling);
        ceiling = uint96(bound(ceiling, least, uint256(least) + 3 ether));
        uint40 until = uint40(time() + bound(ttl, 0, 25 hours));
        return ITabcastPot.Reservation(payee, lane, ceiling, until, uint24(old ? own.version / 2 : own.version));
    }

    /// What a row must do to the lane and the pot, from the rules and not from the code.
    function bookPromise(uint256 p, uint256 l, ITabcastPot.Reservation memory row) private {
        Slot storage own = slots[p][l];
        Book storage all = books[p];
        uint256 now_ = time();
        if (row.until <= now_ || row.until > now_ + 24 hours) return;
        if (row.version != own.version || row.ceiling <= own.claimed) return;
        uint256 before = reservedOf(own);
        bool live = before != 0 && now_ <= own.until;
        if (live && (row.ceiling < own.ceiling || row.until < own.until)) return;
        if (live && row.ceiling == own.ceiling && row.until == own.until) return;
        if (row.ceiling - own.claimed > all.balance - all.reserved + before) return;
        if (before != 0 && !live) own.version++;
        all.reserved = all.reserved - before + row.ceiling - own.claimed;
        own.ceiling = row.ceiling;
        own.until = row.until;
        own.version++;
        if (row.until > all.maxUntil) all.maxUntil = row.until;
    }

    function lapse(uint256 p, uint256 l) private {
        Slot storage own = slots[p][l];
        books[p].reserved -= reservedOf(own);
        own.ceiling = own.claimed;
        own.version++;
    }

    function account(uint256 p, uint256 l, uint256 cumulative, bool byTower) private returns (uint256 amount) {
        Slot storage own = slots[p][l];
        if (cumulative <= own.claimed) return 0;
        bool live = reservedOf(own) != 0 && time() <= own.until;
        if (reservedOf(own) != 0 && !live) lapse(p, l);
        uint256 due = cumulative - own.claimed;
        uint256 mine = reservedOf(own);
        uint256 covered = books[p].balance - books[p].reserved + mine;
        amount = due <= covered ? due : covered;
        if (live && cumulative <= own.ceiling) {
            vm.assertEq(amount, due, "7: a live guarantee is paid in full");
            guaranteesUsed++;
        }
        books[p].reserved -= amount < mine ? amount : mine;
        books[p].balance -= amount;
        own.claimed += amount;
        uint256 fee = amount * pot.FEE_BPS() / 10_000;
        uint256 share = byTower ? (amount - fee) * SHARES[l % 4] / 100 : 0;
        (address payee,) = laneOf(l);
        earned[payee][tokenOf(p)] += amount - fee - share;
        earned[TOWER][tokenOf(p)] += share;
        fees[tokenOf(p)] += fee;
    }

    function readEvents(uint256 p) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != ITabcastPot.Claimed.selector) continue;
            vm.assertEq(logs[i].topics[1], idOf[p], "the event's pot");
            uint256 l = indexOf[address(uint160(uint256(logs[i].topics[2])))] + uint256(logs[i].topics[3]) % 2;
            (uint96 amount, uint96 total,) = abi.decode(logs[i].data, (uint96, uint96, uint96));
            slots[p][l].byEvents += amount;
            vm.assertEq(total, slots[p][l].byEvents, "4: claimed is the sum of what was paid");
        }
    }
}

contract PotInvariantTest is PotTest {
    PotHandler private handler;
    ModalToken private token;
    address[] private payees;
    uint32[] private numbers;

    function setUp() public override {
        super.setUp();
        pot = deploy(37, address(0xfee), address(0));
        token = new ModalToken();
        handler = new PotHandler(pot, token);
        for (uint256 l = 0; l < handler.LANES(); l++) {
            (address payee, uint32 lane) = handler.laneOf(l);
            payees.push(payee);
            numbers.push(lane);
        }
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// One walk through the actors' actions for all of them: each costs as much as the walk itself.
    function invariant_theBooksHold() public view {
        for (uint256 t = 0; t < 2; t++) {
            heldIsOwed(t);
            creditsAreEarned(t);
        }
        for (uint256 p = 0; p < handler.POTS(); p++) {
            lanesAddUp(p);
            reservationsAddUp(p);
            closesAreOurs(p);
        }
    }

    function tokenAt(uint256 t) private view returns (address) {
        return t == 1 ? address(token) : address(0);
    }

    /// Invariant 1: solvent, to the unit, per token. 17: what left is what was withdrawn.
    function heldIsOwed(uint256 t) private view {
        uint256 owed = handler.donated(t) + pot.credits(address(0xfee), tokenAt(t));
        for (uint256 p = 0; p < handler.POTS(); p++) {
            if ((p == handler.TOKEN_POT()) == (t == 1)) owed += pot.potState(handler.idOf(p)).balance;
        }
        for (uint256 l = 0; l < payees.length; l += 2) {
            owed += pot.credits(payees[l], tokenAt(t));
        }
        owed += pot.credits(payer, tokenAt(t)) + pot.credits(stranger, tokenAt(t));
        owed += pot.credits(handler.TOWER(), tokenAt(t));
        uint256 holds = t == 1 ? token.balanceOf(address(pot)) : address(pot).balance;
        vm.assertEq(holds, owed, "1: held is owed");
        vm.assertEq(
            holds, handler.deposited(t) + handler.donated(t) - handler.withdrawn(t), "17: nothing else has left"
        );
    }

    /// Invariants 4, 5, 6 and, the versions being our own, 8 and 13.
    function lanesAddUp(uint256 p) private view {
        ITabcastPot.Lane[] memory states = pot.laneStates(handler.idOf(p), payees, numbers);
        uint256 sum;
        for (uint256 l = 0; l < states.length; l++) {
            PotHandler.Slot memory own = handler.slot(p, l);
            // The handler's own books only ever add, so equality is also "never falls".
            if (states[l].claimed != own.claimed) revert("4: as our own books");
            if (states[l].claimed != own.byEvents) revert("4: as the events");
            if (states[l].claimed > own.authorised) revert("5: never more than was signed or paid in person");
            if (states[l].ceiling != own.ceiling) revert("8: the ceiling is where we put it");
            if (states[l].until != own.until) revert("8: the end is where we put it");
            if (states[l].version != own.version) revert("13: every change counts once");
            sum += states[l].claimed;
        }
        PotHandler.Book memory book = handler.book(p);
        vm.assertEq(pot.potState(handler.idOf(p)).balance, book.balance, "balance");
        vm.assertEq(book.deposits, book.balance + sum + book.refund, "6: deposits are balance, payments and refund");
    }

    /// Invariants 2, 3 and 14.
    function reservationsAddUp(uint256 p) private view {
        ITabcastPot.Pot memory state = pot.potState(handler.idOf(p));
        ITabcastPot.Lane[] memory states = pot.laneStates(handler.idOf(p), payees, numbers);
        uint256 sum;
        for (uint256 l = 0; l < states.length; l++) {
            if (states[l].ceiling <= states[l].claimed) continue;
            sum += states[l].ceiling - states[l].claimed;
            bool live = time() <= states[l].until;
            vm.assertTrue(!live || state.maxUntil >= states[l].until, "14: maxUntil covers every live guarantee");
        }
        if (state.closeAt != FINALIZED) vm.assertEq(state.reserved, sum, "2: reserved is what lanes were promised");
        vm.assertLe(state.reserved, state.balance, "3: and no more than there is");
    }

    /// Invariants 10 and 12: the close is where the actors put it, and final is for ever.
    function closesAreOurs(uint256 p) private view {
        ITabcastPot.Pot memory state = pot.potState(handler.idOf(p));
        PotHandler.Book memory book = handler.book(p);
        vm.assertEq(state.closeAt, book.ended ? FINALIZED : book.closeAt, "12: where the actors put it");
        vm.assertTrue(book.open == (state.maxUntil != 0), "exists");
        if (book.ended) vm.assertEq(uint256(state.balance) + state.reserved, 0, "10: final is empty");
    }

    /// Invariants 18, 22 and 28: credits, fee and shares are what was paid, refunds what was not.
    function creditsAreEarned(uint256 t) private view {
        vm.assertEq(pot.credits(address(0xfee), tokenAt(t)), handler.fees(t), "18: fee");
        for (uint256 l = 0; l < payees.length; l += 2) {
            vm.assertEq(pot.credits(payees[l], tokenAt(t)), handler.owing(payees[l], t), "18: credit");
        }
        address tower = handler.TOWER();
        vm.assertEq(pot.credits(tower, tokenAt(t)), handler.owing(tower, t), "28: watchtower");
        vm.assertEq(pot.credits(payer, tokenAt(t)), handler.owing(payer, t), "22: payer");
        vm.assertEq(pot.credits(stranger, tokenAt(t)), handler.owing(stranger, t), "22: other payer");
    }
}
