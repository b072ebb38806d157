// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ITabcastPot} from "../src/ITabcastPot.sol";
import {PotTest} from "./PotTest.sol";

/// @dev A contract wallet that accepts what its owner signed.
contract Wallet {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata sig) external view returns (bytes4) {
        address recovered = ecrecover(digest, uint8(sig[64]), bytes32(sig[:32]), bytes32(sig[32:64]));
        return recovered == OWNER ? this.isValidSignature.selector : bytes4(0);
    }
}

contract PotReserveTest is PotTest {
    uint256 private constant PAYEE_KEY = 0x9a4ee;

    function setUp() public override {
        super.setUp();
        worker = vm.addr(PAYEE_KEY);
        open(10 ether);
    }

    function row(address payee, uint96 ceiling, uint24 version) private view returns (ITabcastPot.Reservation memory) {
        return ITabcastPot.Reservation(payee, 7, ceiling, uint40(time()) + 600, version);
    }

    function one(ITabcastPot.Reservation memory each) private pure returns (ITabcastPot.Reservation[] memory rows) {
        rows = new ITabcastPot.Reservation[](1);
        rows[0] = each;
    }

    function reserve(ITabcastPot.Reservation memory each) private {
        vm.prank(signer);
        pot.reserve(config(), one(each));
    }

    function lane(address payee) private view returns (ITabcastPot.Lane memory) {
        return pot.laneState(id(), payee, 7);
    }

    function reserved() private view returns (uint96) {
        return pot.potState(id()).reserved;
    }

    function refused(ITabcastPot.Reservation memory each, ITabcastPot.RefusedReason reason) private {
        ITabcastPot.Lane memory before = lane(each.payee);
        uint96 promised = reserved();
        vm.expectEmit(address(pot));
        emit ITabcastPot.ReservationRefused(id(), each.payee, each.lane, each.version, reason);
        reserve(each);
        ITabcastPot.Lane memory now_ = lane(each.payee);
        vm.assertEq(keccak256(abi.encode(now_)), keccak256(abi.encode(before)), "lane unchanged");
        vm.assertEq(reserved(), promised, "pot unchanged");
    }

    function release(address caller) private {
        (address[] memory payees, uint32[] memory lanes) = (new address[](1), new uint32[](1));
        (payees[0], lanes[0]) = (worker, 7);
        vm.prank(caller);
        pot.release(config(), payees, lanes);
    }

    function test_aReservationIsBooked() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Reserved(id(), worker, 7, 3 ether, each.until, 1);
        reserve(each);
        vm.assertEq(lane(worker).ceiling, 3 ether, "ceiling");
        vm.assertEq(lane(worker).until, each.until, "until");
        vm.assertEq(lane(worker).version, 1, "version");
        vm.assertEq(reserved(), 3 ether, "reserved");
        vm.assertEq(pot.potState(id()).maxUntil, each.until, "maxUntil");
        vm.assertEq(balance(), 10 ether, "nothing has left");
    }

    function test_thePayerMayReserveToo() public {
        vm.prank(payer);
        pot.reserve(config(), one(row(worker, 3 ether, 0)));
        vm.assertEq(reserved(), 3 ether, "reserved");
    }

    function test_nobodyElseMayReserve() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.NotAuthorised.selector, id(), stranger));
        vm.prank(stranger);
        pot.reserve(config(), one(row(worker, 3 ether, 0)));
    }

    function test_noReservationInAClosingPot() public {
        uint32 closeAt = startClose();
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotClosing.selector, id(), closeAt));
        vm.prank(signer);
        pot.reserve(config(), one(row(worker, 3 ether, 0)));
    }

    function test_noReservationInAnUnknownPot() public {
        ITabcastPot.PotConfig memory cfg = config();
        cfg.salt = bytes32("never");
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotUnknown.selector, pot.getPotId(cfg)));
        vm.prank(signer);
        pot.reserve(cfg, one(row(worker, 3 ether, 0)));
    }

    function test_whatIsReservedForOneIsNotPaidToAnother() public {
        reserve(row(worker, 3 ether, 0));
        vm.assertEq(claim(worker2, 1, 10 ether), 7 ether, "the free part only");
        vm.assertEq(claim(worker, 7, 3 ether), 3 ether, "the guarantee in full");
        vm.assertEq(reserved(), 0, "used up");
        vm.assertEq(balance(), 0, "empty");
    }

    function test_aLaneIsPaidBeyondItsReservationFromWhatIsFree() public {
        reserve(row(worker, 3 ether, 0));
        vm.assertEq(claim(worker, 7, 5 ether), 5 ether, "all");
        vm.assertEq(reserved(), 0, "its reservation is used");
        vm.assertEq(claim(worker2, 1, 10 ether), 5 ether, "the rest");
    }

    function test_aGuaranteeThatIsPartlyUsedCoversItsRestAlone() public {
        reserve(row(worker, 3 ether, 0));
        reserve(row(worker2, 7 ether, 0));
        claim(worker, 7, 2 ether);
        vm.assertEq(claim(worker, 7, 5 ether), 1 ether, "the rest of its own, and nothing of the other's");
        vm.assertEq(claim(worker2, 7, 7 ether), 7 ether, "the other in full");
    }

    function test_payUsesReservationsToo() public {
        reserve(row(worker, 3 ether, 0));
        vm.prank(signer);
        pot.pay(config(), one(ITabcastPot.Payment(worker, 7, 2 ether)));
        vm.assertEq(reserved(), 1 ether, "the rest of it");
    }

    function test_aLapsedReservationIsFreedByAClaim() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(uint256(each.until) + 1);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Released(id(), worker, 7, 3 ether);
        claim(worker, 7, 1 ether);
        vm.assertEq(reserved(), 0, "free");
        vm.assertEq(lane(worker).ceiling, 0, "ceiling was the counter then");
        vm.assertEq(lane(worker).version, 2, "version");
    }

    function test_aLapsedReservationStillBindsUntilSomebodyFreesIt() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(uint256(each.until) + 1);
        vm.assertEq(claim(worker2, 1, 10 ether), 7 ether, "others do not free it");
        release(stranger);
        vm.assertEq(claim(worker2, 1, 10 ether), 3 ether, "now they get it");
    }

    function test_itHoldsForItsWholeLastSecond() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(each.until);
        claim(worker2, 1, 10 ether);
        vm.assertEq(claim(worker, 7, 3 ether), 3 ether, "in full");
    }

    function test_onlyThePayeeEndsALiveOne() public {
        reserve(row(worker, 3 ether, 0));
        address[3] memory others = [payer, signer, stranger];
        for (uint256 i = 0; i < 3; i++) {
            vm.recordLogs();
            release(others[i]);
            vm.assertEq(vm.getRecordedLogs().length, 0, "passed over");
            vm.assertEq(reserved(), 3 ether, "still reserved");
        }
        vm.expectEmit(address(pot));
        emit ITabcastPot.Released(id(), worker, 7, 3 ether);
        release(worker);
        vm.assertEq(reserved(), 0, "free");
        vm.assertEq(lane(worker).version, 2, "version");
    }

    function test_releasePassesOverLiveRowsAndFreesTheRest() public {
        reserve(row(worker2, 1 ether, 0));
        vm.warp(time() + 601);
        reserve(row(worker, 3 ether, 0));
        (address[] memory payees, uint32[] memory lanes) = (new address[](3), new uint32[](3));
        (payees[0], payees[1], payees[2]) = (worker, worker2, stranger);
        (lanes[0], lanes[1], lanes[2]) = (7, 7, 7);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Released(id(), worker2, 7, 1 ether);
        vm.prank(stranger);
        pot.release(config(), payees, lanes);
        vm.assertEq(reserved(), 3 ether, "the live one");
        vm.assertEq(lane(worker).version, 1, "untouched");
    }

    function test_inItsLastSecondNobodyButThePayeeEndsIt() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(each.until);
        release(stranger);
        vm.assertEq(reserved(), 3 ether, "live");
        vm.warp(uint256(each.until) + 1);
        release(stranger);
        vm.assertEq(reserved(), 0, "lapsed");
    }

    function test_inItsLastSecondItOnlyGrows() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(each.until);
        refused(row(worker, 2 ether, 1), ITabcastPot.RefusedReason.NOT_MORE);
        uint256 before = vm.snapshotState();
        reserve(row(worker, 4 ether, 1));
        vm.assertEq(lane(worker).version, 2, "grown, not freed and made");
        vm.revertToState(before);
        vm.warp(uint256(each.until) + 1);
        reserve(row(worker, 2 ether, 1));
        vm.assertEq(lane(worker).version, 3, "freed and made");
    }

    function test_inItsLastSecondAClaimUsesItAndDoesNotFreeIt() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(each.until);
        claim(worker, 7, 1 ether);
        vm.assertEq(lane(worker).ceiling, 3 ether, "ceiling");
        vm.assertEq(lane(worker).version, 1, "version");
        vm.assertEq(reserved(), 2 ether, "the rest of it");
    }

    function test_aUsedUpOneMayBeFollowedByAShorterOne() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        claim(worker, 7, 3 ether);
        each = row(worker, 4 ether, 1);
        each.until -= 300;
        reserve(each);
        vm.assertEq(lane(worker).until, each.until, "until");
        vm.assertEq(reserved(), 1 ether, "reserved");
    }

    function test_inItsLastSecondItIsGuaranteed() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(each.until);
        claimableIs(worker, 3 ether, 3 ether, 3 ether);
        vm.warp(uint256(each.until) + 1);
        claimableIs(worker, 3 ether, 0, 3 ether);
    }

    function test_releasingNothingChangesNothing() public {
        release(stranger);
        vm.assertEq(lane(worker).version, 0, "version");
    }

    function test_releaseListsBelongTogether() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.LengthMismatch.selector, 1, 0));
        pot.release(config(), new address[](1), new uint32[](0));
    }

    function test_aPayeesSignatureReleases() public {
        reserve(row(worker, 3 ether, 0));
        bytes memory sig = signature(PAYEE_KEY, pot.releaseDigest(id(), worker, 7, 1));
        vm.prank(stranger);
        pot.releaseWithSig(config(), worker, 7, sig);
        vm.assertEq(reserved(), 0, "free");
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ZeroAmount.selector));
        pot.releaseWithSig(config(), worker, 7, sig);
        reserve(row(worker, 3 ether, 2));
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.BadSignature.selector));
        pot.releaseWithSig(config(), worker, 7, sig); // of an older version
    }

    function test_anothersSignatureReleasesNothing() public {
        reserve(row(worker, 3 ether, 0));
        bytes memory sig = signature(OTHER_KEY, pot.releaseDigest(id(), worker, 7, 1));
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.BadSignature.selector));
        pot.releaseWithSig(config(), worker, 7, sig);
    }

    function test_aContractWalletReleases() public {
        address wallet = address(new Wallet(vm.addr(PAYEE_KEY)));
        reserve(row(wallet, 3 ether, 0));
        pot.releaseWithSig(config(), wallet, 7, signature(PAYEE_KEY, pot.releaseDigest(id(), wallet, 7, 1)));
        vm.assertEq(reserved(), 0, "free");
    }

    function test_refusedRowsSayWhy() public {
        refused(row(address(0), 1 ether, 0), ITabcastPot.RefusedReason.PAYEE);
        refused(row(address(pot), 1 ether, 0), ITabcastPot.RefusedReason.PAYEE);
        refused(row(worker, 0, 0), ITabcastPot.RefusedReason.CEILING);
        refused(row(worker, 1 ether, 1), ITabcastPot.RefusedReason.VERSION);
        refused(row(worker, 10 ether + 1, 0), ITabcastPot.RefusedReason.FUNDS);
        ITabcastPot.Reservation memory each = row(worker, 1 ether, 0);
        each.until = uint40(time());
        refused(each, ITabcastPot.RefusedReason.UNTIL);
        each.until = uint40(time() + 24 hours + 1);
        refused(each, ITabcastPot.RefusedReason.UNTIL);
        each.until -= 1;
        reserve(each);
        vm.assertEq(lane(worker).until, each.until, "the longest that is allowed");
    }

    function test_aLiveOneOnlyGrows() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        each.version = 1;
        refused(each, ITabcastPot.RefusedReason.NOT_MORE);
        each.ceiling = 2 ether;
        each.until += 1;
        refused(each, ITabcastPot.RefusedReason.NOT_MORE);
        each.ceiling = 4 ether;
        each.until -= 2;
        refused(each, ITabcastPot.RefusedReason.NOT_MORE);
        each.until += 1;
        reserve(each);
        vm.assertEq(reserved(), 4 ether, "raised");
        each.version = 2;
        each.until += 5;
        reserve(each);
        vm.assertEq(lane(worker).until, each.until, "prolonged");
        vm.assertEq(lane(worker).version, 3, "version");
    }

    function test_aLapsedOneMayBeReplacedByASmallerOne() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(uint256(each.until) + 1);
        reserve(row(worker, 1 ether, 1));
        vm.assertEq(reserved(), 1 ether, "reserved");
        vm.assertEq(lane(worker).version, 3, "freed and made");
    }

    function test_aRowThatDoesNotFitLeavesALapsedOneAlone() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        vm.warp(uint256(each.until) + 1);
        refused(row(worker, 11 ether, 1), ITabcastPot.RefusedReason.FUNDS);
    }

    function test_reservationsCountWhatWasClaimed() public {
        claim(worker, 7, 4 ether);
        refused(row(worker, 4 ether, 0), ITabcastPot.RefusedReason.CEILING);
        reserve(row(worker, 10 ether, 0));
        vm.assertEq(reserved(), 6 ether, "what is left to guarantee");
        refused(row(worker2, 1, 0), ITabcastPot.RefusedReason.FUNDS);
    }

    function test_anyoneBringsASignedReservation() public {
        ITabcastPot.SignedReservation[] memory rows = new ITabcastPot.SignedReservation[](3);
        rows[0] = signed(SIGNER_KEY, row(worker, 1 ether, 0));
        rows[1] = signed(OTHER_KEY, row(worker2, 1 ether, 0));
        rows[2] = rows[0];
        vm.expectEmit(address(pot));
        emit ITabcastPot.ReservationRefused(id(), worker2, 7, 0, ITabcastPot.RefusedReason.BAD_SIGNATURE);
        vm.expectEmit(address(pot));
        emit ITabcastPot.ReservationRefused(id(), worker, 7, 0, ITabcastPot.RefusedReason.VERSION);
        vm.prank(stranger);
        pot.reserveWithSig(config(), rows);
        vm.assertEq(reserved(), 1 ether, "once");
    }

    function testFuzz_everySignedFieldIsBound(uint8 field, uint256 by) public {
        ITabcastPot.Reservation memory each = row(worker, 1 ether, 0);
        ITabcastPot.SignedReservation memory with = signed(SIGNER_KEY, each);
        field = uint8(bound(field, 0, 4));
        if (field == 0) each.payee = address(uint160(each.payee) ^ uint160(bound(by, 1, type(uint160).max)));
        if (field == 1) each.lane ^= uint32(bound(by, 1, type(uint32).max));
        if (field == 2) each.ceiling ^= uint96(bound(by, 1, type(uint96).max));
        if (field == 3) each.until ^= uint40(bound(by, 1, type(uint40).max));
        if (field == 4) each.version ^= uint24(bound(by, 1, type(uint24).max));
        ITabcastPot.SignedReservation[] memory rows = new ITabcastPot.SignedReservation[](1);
        rows[0] = ITabcastPot.SignedReservation(each, with.v, with.r, with.s);
        vm.expectEmit(address(pot));
        emit ITabcastPot.ReservationRefused(
            id(), each.payee, each.lane, each.version, ITabcastPot.RefusedReason.BAD_SIGNATURE
        );
        pot.reserveWithSig(config(), rows);
        vm.assertEq(reserved(), 0, "nothing");
    }

    function test_aVoucherIsNoReservationAndTheOtherWayRound() public {
        ITabcastPot.SignedReservation memory with = signed(SIGNER_KEY, row(worker, 1 ether, 0));
        ITabcastPot.VoucherClaim memory asVoucher = ITabcastPot.VoucherClaim(worker, 7, 1 ether, with.v, with.r, with.s);
        ITabcastPot.VoucherClaim[] memory rows = one(asVoucher);
        vm.assertEq(pot.claim(config(), rows), 0, "crossed types");
    }

    function test_closingLeavesTimeAfterTheLastGuarantee() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        each.until = uint40(time() + 5 hours);
        reserve(each);
        uint32 closeAt = startClose();
        vm.assertEq(closeAt, uint256(each.until) + 15 minutes, "though the challenge is an hour");
        vm.assertEq(claim(worker2, 1, 10 ether), 7 ether, "a guarantee binds the rest");
        vm.warp(uint256(each.until) + 1);
        release(stranger);
        vm.assertEq(claim(worker2, 1, 8 ether), 1 ether, "and who waited for its end can still claim");
        vm.warp(closeAt - 1);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.ChallengeRunning.selector, id(), closeAt, closeAt - 1));
        pot.finalizeClose(config());
        vm.warp(closeAt);
        pot.finalizeClose(config());
        vm.assertEq(credit(payer), 2 ether, "refund");
        vm.assertEq(reserved(), 0, "nothing is reserved in a final pot");
    }

    function test_theChallengeCountsWhereTheLastGuaranteeEndsBefore() public {
        reserve(row(worker, 3 ether, 0)); // ten minutes: with the margin less than the hour
        vm.assertEq(startClose(), time() + HOUR, "closeAt");
    }

    function test_theLongestGuaranteeDelaysACloseByADayAndTheMargin() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        each.until = uint40(time()) + pot.MAX_RESERVE_TTL();
        reserve(each);
        vm.assertEq(startClose(), time() + 24 hours + 15 minutes, "closeAt");
    }

    /// The payer follows the rules, and so does everybody: what was signed is what is paid.
    function test_payFreesWhatLapsedBeforeItPays() public {
        reserve(row(worker, 5 ether, 0));
        vm.warp(time() + 601);
        ITabcastPot.Payment[] memory rows = new ITabcastPot.Payment[](2);
        rows[0] = ITabcastPot.Payment(worker2, 1, 9 ether);
        rows[1] = ITabcastPot.Payment(worker, 7, 1 ether);
        vm.expectEmit(address(pot));
        emit ITabcastPot.Released(id(), worker, 7, 5 ether);
        vm.prank(signer);
        vm.assertEq(pot.pay(config(), rows), 10 ether, "both in full");
        vm.assertEq(credit(worker2), 9 ether, "the first, though the second's guarantee had bound its money");
        vm.assertEq(pot.bounces(payer), 0, "nothing bounced");
        vm.assertEq(reserved(), 0, "reserved");
        vm.assertEq(lane(worker).version, 2, "freed once");
        vm.assertEq(pot.laneState(id(), worker2, 1).version, 0, "a lane without a guarantee has nothing to free");
    }

    function test_aRowOfAPaidLaneFreesItsLapsedGuarantee() public {
        claim(worker, 7, 1 ether);
        reserve(row(worker, 6 ether, 0));
        vm.warp(time() + 601);
        ITabcastPot.Payment[] memory rows = new ITabcastPot.Payment[](3);
        rows[0] = ITabcastPot.Payment(worker2, 1, 9 ether);
        rows[1] = ITabcastPot.Payment(worker, 7, 1 ether);
        rows[2] = rows[1];
        vm.prank(signer);
        vm.assertEq(pot.pay(config(), rows), 9 ether, "paid");
        vm.assertEq(lane(worker).version, 2, "freed once, though it was named twice");
        vm.assertEq(reserved(), 0, "reserved");
    }

    function test_payLeavesLiveGuaranteesAlone() public {
        reserve(row(worker, 5 ether, 0));
        vm.warp(time() + 600);
        ITabcastPot.Payment[] memory rows = new ITabcastPot.Payment[](2);
        rows[0] = ITabcastPot.Payment(worker2, 1, 9 ether);
        rows[1] = ITabcastPot.Payment(worker, 7, 1);
        vm.prank(signer);
        vm.assertEq(pot.pay(config(), rows), 5 ether + 1, "the free part only");
        vm.assertEq(reserved(), 5 ether - 1, "reserved");
    }

    function test_aFinalPotForgetsReservationsNobodyUsed() public {
        reserve(row(worker, 3 ether, 0));
        finalize();
        vm.assertEq(credit(payer), 10 ether, "refund");
        vm.assertEq(reserved(), 0, "nothing is reserved in a final pot");
        (uint96 guaranteed, uint96 soft) = pot.claimable(config(), worker, 7, 3 ether);
        vm.assertEq(guaranteed, 0, "guaranteed");
        vm.assertEq(soft, 0, "soft");
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.PotIsFinal.selector, id()));
        release(worker);
    }

    function test_releaseWhileClosing() public {
        reserve(row(worker, 3 ether, 0));
        startClose();
        release(worker);
        vm.assertEq(claim(worker2, 1, 10 ether), 10 ether, "others get it");
    }

    function test_claimableIsWhatAClaimPays() public {
        ITabcastPot.Reservation memory each = row(worker, 3 ether, 0);
        reserve(each);
        claimableIs(worker, 2 ether, 2 ether, 2 ether);
        claimableIs(worker, 5 ether, 3 ether, 5 ether);
        claimableIs(worker, 50 ether, 3 ether, 10 ether);
        claimableIs(worker2, 50 ether, 0, 7 ether);
        vm.warp(uint256(each.until) + 1);
        claimableIs(worker, 50 ether, 0, 10 ether);
        claim(worker, 7, 4 ether);
        claimableIs(worker, 4 ether, 0, 0);
        claimableIs(worker, 5 ether, 0, 1 ether);
    }

    function claimableIs(address payee, uint96 cumulative, uint96 guaranteed, uint96 soft) private {
        (uint96 g, uint96 s) = pot.claimable(config(), payee, 7, cumulative);
        vm.assertEq(g, guaranteed, "guaranteed");
        vm.assertEq(s, soft, "soft");
        uint256 before = vm.snapshotState();
        vm.assertEq(claim(payee, 7, cumulative), soft, "what a claim pays");
        vm.revertToState(before);
    }

    /// Invariant 7, the thief's best try: everything else is claimed first, in any order and by any key holder.
    function testFuzz_aThiefWithTheSessionKeyCannotTouchAGuarantee(uint96 ceiling, uint96 theft, uint256 wait) public {
        ceiling = uint96(bound(ceiling, 1, 10 ether));
        reserve(row(worker, ceiling, 0));
        address thief = address(0xbad);
        vm.warp(time() + bound(wait, 0, 600));
        claim(thief, 1, uint96(bound(theft, 1, type(uint96).max)));
        vm.prank(signer);
        pot.pay(config(), one(ITabcastPot.Payment(thief, 2, type(uint96).max)));
        refused(row(thief, 1, 0), ITabcastPot.RefusedReason.FUNDS);
        if (pot.potState(id()).closeAt == 0) {
            vm.prank(signer);
            pot.startClose(config());
        }
        vm.assertEq(claim(worker, 7, ceiling), ceiling, "paid in full");
    }

    function signed(uint256 key, ITabcastPot.Reservation memory each)
        private
        view
        returns (ITabcastPot.SignedReservation memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, pot.reservationDigest(id(), each));
        return ITabcastPot.SignedReservation(each, v, r, s);
    }
}
