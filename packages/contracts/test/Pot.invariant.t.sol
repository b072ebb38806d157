// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {TabcastPot} from "../src/TabcastPot.sol";
import {PotBase, PotTest} from "./PotTest.sol";
import {Vm} from "./Vm.sol";

/// @dev Plays everybody at random and keeps its own books. Each action knows beforehand whether it must succeed, so that a call
/// that ought to be refused and is not fails as surely as the other way round.
contract PotHandler is PotBase {
    uint256 public constant POTS = 3;
    uint256 public constant LANES = 12; // four honest workers and two sybils, two tabs each

    struct Book {
        bool open;
        bool ended;
        uint256 closeAt;
        uint256 requestedAt;
        uint256 deposits;
        uint256 balance;
        uint256 refund;
    }

    struct Signed {
        uint256 pot;
        uint256 lane;
        uint96 cumulative;
        bytes sig;
    }

    Book[POTS] public books;
    uint256[LANES][POTS] private paid;
    uint256[LANES][POTS] private paidByEvents;
    uint256[LANES][POTS] private authorised;
    bytes32[POTS] public idOf;
    uint256 public donated;
    uint256 public deposited;
    uint256 public withdrawn;
    uint256 public fees;
    mapping(address => uint256) public earned;
    mapping(address => uint256) public taken;
    Signed[] private signed;

    constructor(TabcastPot at) {
        pot = at;
        vm.deal(payer, type(uint96).max);
        vm.deal(stranger, type(uint96).max);
        for (uint256 p = 0; p < POTS; p++) {
            idOf[p] = pot.getPotId(cfgOf(p));
        }
    }

    function cfgOf(uint256 p) public view returns (ITabcastPot.PotConfig memory cfg) {
        cfg = config();
        cfg.salt = bytes32(p + 1);
        if (p == 2) cfg.payer = stranger;
    }

    function lanes(uint256 p)
        external
        view
        returns (uint256[LANES] memory, uint256[LANES] memory, uint256[LANES] memory)
    {
        return (paid[p], paidByEvents[p], authorised[p]);
    }

    function laneOf(uint256 l) public pure returns (address payee, uint32 lane) {
        return (address(uint160(0x30431 + l / 2)), uint32(l % 2));
    }

    // What the actors do.

    function deposit(uint256 p, uint96 amount, uint96 gas, bool byOther) external {
        p %= POTS;
        amount = uint96(bound(amount, 0, 10 ether));
        gas = uint96(bound(gas, 0, 1 ether));
        bool ok = amount != 0 && books[p].closeAt == 0 && !books[p].ended;
        vm.prank(byOther ? stranger : payer);
        (bool done,) = address(pot).call{value: uint256(amount) + gas}(
            abi.encodeCall(ITabcastPot.deposit, (cfgOf(p), amount, gas))
        );
        vm.assertTrue(done == ok, "11: a deposit only into an open pot, and not of nothing");
        if (!ok) return;
        books[p].open = true;
        books[p].deposits += amount;
        books[p].balance += amount;
        deposited += amount;
    }

    function sign(uint256 p, uint256 l, uint96 cumulative) external {
        p %= POTS;
        l %= LANES;
        cumulative = uint96(bound(cumulative, 0, 8 ether));
        (address payee, uint32 lane) = laneOf(l);
        bytes memory sig = signature(SIGNER_KEY, pot.voucherDigest(idOf[p], payee, lane, cumulative));
        signed.push(Signed(p, l, cumulative, sig));
        if (cumulative > authorised[p][l]) authorised[p][l] = cumulative;
    }

    /// A batch of what was signed, in any order, some twice, some for another pot, some spoilt.
    function claimBatch(uint256 p, uint256 seed) external {
        p %= POTS;
        if (signed.length == 0) return;
        uint256 length = bound(seed, 1, 6);
        ITabcastPot.VoucherClaim[] memory rows = new ITabcastPot.VoucherClaim[](length);
        bool[] memory good = new bool[](length);
        uint256[] memory at = new uint256[](length);
        for (uint256 i = 0; i < length; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            Signed memory s = signed[seed % signed.length];
            (address payee, uint32 lane) = laneOf(s.lane);
            rows[i] = signedRow(payee, lane, s.cumulative, s.sig);
            good[i] = s.pot == p;
            at[i] = s.lane;
            if (seed >> 250 & 7 == 0) {
                rows[i].cumulative += 1;
                good[i] = false;
            }
        }
        bool ok = books[p].open && !books[p].ended;
        vm.recordLogs();
        vm.prank(stranger);
        (bool done, bytes memory result) = address(pot).call(abi.encodeCall(ITabcastPot.claim, (cfgOf(p), rows)));
        vm.assertTrue(done == ok, "claim reverts only for an unknown or final pot");
        if (!ok) return;
        uint256 total;
        for (uint256 i = 0; i < length; i++) {
            if (good[i]) total += account(p, at[i], rows[i].cumulative);
        }
        vm.assertEq(abi.decode(result, (uint256)), total, "16: a batch pays what its good rows pay one by one");
        readEvents(p);
    }

    function payDirectly(uint256 p, uint256 l, uint96 cumulative, uint8 who) external {
        p %= POTS;
        l %= LANES;
        cumulative = uint96(bound(cumulative, 0, 8 ether));
        (address payee, uint32 lane) = laneOf(l);
        ITabcastPot.PotConfig memory cfg = cfgOf(p);
        address caller = who % 3 == 0 ? cfg.payer : who % 3 == 1 ? cfg.signer : address(0xbad);
        bool ok = caller != address(0xbad) && books[p].open && !books[p].ended;
        vm.recordLogs();
        vm.prank(caller);
        (bool done,) =
            address(pot).call(abi.encodeCall(ITabcastPot.pay, (cfg, one(ITabcastPot.Payment(payee, lane, cumulative)))));
        vm.assertTrue(done == ok, "pay is for the payer and the signer");
        if (!ok) return;
        if (cumulative > authorised[p][l]) authorised[p][l] = cumulative;
        account(p, l, cumulative);
        readEvents(p);
    }

    function start(uint256 p, uint8 who) external {
        p %= POTS;
        ITabcastPot.PotConfig memory cfg = cfgOf(p);
        address caller = who % 3 == 0 ? cfg.payer : who % 3 == 1 ? cfg.signer : address(0xbad);
        bool ok = caller != address(0xbad) && books[p].open && !books[p].ended && books[p].closeAt == 0;
        vm.prank(caller);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.startClose, (cfg)));
        vm.assertTrue(done == ok, "12: only payer and signer start a close, once");
        if (!ok) return;
        books[p].requestedAt = block.timestamp;
        books[p].closeAt = block.timestamp + HOUR;
    }

    function cancel(uint256 p, uint8 who) external {
        p %= POTS;
        ITabcastPot.PotConfig memory cfg = cfgOf(p);
        address caller = who % 3 == 0 ? cfg.payer : who % 3 == 1 ? cfg.signer : address(0xbad);
        bool ok = caller == cfg.payer && books[p].closeAt != 0 && !books[p].ended;
        vm.prank(caller);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.cancelClose, (cfg)));
        vm.assertTrue(done == ok, "12: only the payer takes a close back");
        if (ok) books[p].closeAt = 0;
    }

    function finalizeAny(uint256 p) external {
        p %= POTS;
        Book storage book = books[p];
        bool ok = book.closeAt != 0 && !book.ended && block.timestamp >= book.requestedAt + HOUR;
        vm.prank(stranger);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.finalizeClose, (cfgOf(p))));
        vm.assertTrue(done == ok, "9: final only after a request and its whole challenge");
        if (!ok) return;
        book.ended = true;
        book.refund = book.balance;
        earned[cfgOf(p).payer] += book.balance;
        book.balance = 0;
    }

    function withdraw(uint256 l, bool ofPayer) external {
        (address payee,) = laneOf(l % LANES);
        if (ofPayer) payee = l % 2 == 0 ? payer : stranger;
        uint256 due = earned[payee] - taken[payee];
        uint256 before = payee.balance;
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.withdraw, (payee, address(0))));
        vm.assertTrue(done == (due != 0), "a credit can always be withdrawn");
        vm.assertEq(payee.balance - before, due, "17: all of it, to its owner");
        taken[payee] += due;
        withdrawn += due;
    }

    function withdrawPart(uint256 l, uint256 amount) external {
        (address payee,) = laneOf(l % LANES);
        uint256 due = earned[payee] - taken[payee];
        amount = bound(amount, 0, due + 1);
        bool ok = amount != 0 && amount <= due;
        uint256 before = address(0x7a5e).balance;
        vm.prank(payee);
        (bool done,) = address(pot).call(abi.encodeCall(ITabcastPot.withdrawTo, (address(0), address(0x7a5e), amount)));
        vm.assertTrue(done == ok, "17: not more than the own credit");
        if (!ok) return;
        vm.assertEq(address(0x7a5e).balance - before, amount, "arrived");
        taken[payee] += amount;
        withdrawn += amount;
    }

    function donate(uint96 amount) external {
        amount = uint96(bound(amount, 0, 1 ether));
        vm.deal(address(pot), address(pot).balance + amount);
        donated += amount;
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 0, 2 * uint256(HOUR)));
    }

    // The handler's own books.

    function account(uint256 p, uint256 l, uint256 cumulative) private returns (uint256 amount) {
        if (cumulative <= paid[p][l]) return 0;
        uint256 due = cumulative - paid[p][l];
        amount = due <= books[p].balance ? due : books[p].balance;
        books[p].balance -= amount;
        paid[p][l] += amount;
        uint256 fee = amount * pot.FEE_BPS() / 10_000;
        (address payee,) = laneOf(l);
        earned[payee] += amount - fee;
        fees += fee;
    }

    function readEvents(uint256 p) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != ITabcastPot.Claimed.selector) continue;
            vm.assertEq(logs[i].topics[1], idOf[p], "the event's pot");
            uint256 payee = uint256(logs[i].topics[2]);
            uint256 l = (payee - 0x30431) * 2 + uint256(logs[i].topics[3]);
            (uint96 amount, uint96 total,) = abi.decode(logs[i].data, (uint96, uint96, uint96));
            paidByEvents[p][l] += amount;
            vm.assertEq(total, paidByEvents[p][l], "4: claimed is the sum of what was paid");
        }
    }
}

contract PotInvariantTest is PotTest {
    PotHandler private handler;
    address[] private payees;
    uint32[] private numbers;

    function setUp() public override {
        super.setUp();
        pot = new TabcastPot(37, address(0xfee), address(0));
        handler = new PotHandler(pot);
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
        heldIsOwed();
        lanesAddUp();
        closesAreOurs();
        creditsAreEarned();
    }

    /// Invariant 1: solvent, to the wei. 17: what left is what was withdrawn.
    function heldIsOwed() private view {
        uint256 owed = handler.donated() + credit(address(0xfee));
        for (uint256 p = 0; p < handler.POTS(); p++) {
            owed += pot.potState(handler.idOf(p)).balance;
        }
        for (uint256 l = 0; l < handler.LANES(); l += 2) {
            (address payee,) = handler.laneOf(l);
            owed += credit(payee);
        }
        owed += credit(payer) + credit(stranger);
        vm.assertEq(address(pot).balance, owed, "1");
        vm.assertEq(
            address(pot).balance, handler.deposited() + handler.donated() - handler.withdrawn(), "17: nothing else left"
        );
    }

    /// Invariants 4, 5 and 6.
    function lanesAddUp() private view {
        for (uint256 p = 0; p < handler.POTS(); p++) {
            bytes32 potId = handler.idOf(p);
            (,,,, uint256 deposits, uint256 left, uint256 refund) = handler.books(p);
            (uint256[12] memory paid, uint256[12] memory byEvents, uint256[12] memory authorised) = handler.lanes(p);
            ITabcastPot.Lane[] memory states = pot.laneStates(potId, payees, numbers);
            uint256 sum;
            for (uint256 l = 0; l < states.length; l++) {
                uint256 claimed_ = states[l].claimed;
                // The handler's own books only ever add, so equality is also "never falls".
                if (claimed_ != paid[l]) revert("4: as our own books");
                if (claimed_ != byEvents[l]) revert("4: as the events");
                if (claimed_ > authorised[l]) revert("5: never more than was signed or paid in person");
                sum += claimed_;
            }
            vm.assertEq(pot.potState(potId).balance, left, "balance");
            vm.assertEq(deposits, left + sum + refund, "6: deposits are balance, payments and refund");
        }
    }

    /// Invariants 10 and 12: the close is where the actors put it, and final is for ever.
    function closesAreOurs() private view {
        for (uint256 p = 0; p < handler.POTS(); p++) {
            ITabcastPot.Pot memory state = pot.potState(handler.idOf(p));
            (bool open, bool ended, uint256 closeAt,,,,) = handler.books(p);
            vm.assertEq(state.closeAt, ended ? FINALIZED : closeAt, "12");
            vm.assertTrue(open == (state.maxUntil != 0), "exists");
            if (ended) vm.assertEq(state.balance, 0, "10");
        }
    }

    /// Invariants 18 and 22: credits and fee are what was paid, refunds what was not.
    function creditsAreEarned() private view {
        vm.assertEq(credit(address(0xfee)), handler.fees(), "18: fee");
        for (uint256 l = 0; l < handler.LANES(); l += 2) {
            (address payee,) = handler.laneOf(l);
            vm.assertEq(credit(payee), handler.earned(payee) - handler.taken(payee), "18: credit");
        }
        vm.assertEq(credit(payer), handler.earned(payer) - handler.taken(payer), "22: payer");
        vm.assertEq(credit(stranger), handler.earned(stranger) - handler.taken(stranger), "22: other payer");
    }
}
