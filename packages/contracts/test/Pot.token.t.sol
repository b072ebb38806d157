// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IPermit2} from "../src/IPermit2.sol";
import {ITabcastPot} from "../src/ITabcastPot.sol";
import {PotTest} from "./PotTest.sol";
import {GoodToken, ModalToken, Permit2} from "./Tokens.sol";

contract PotTokenTest is PotTest {
    uint256 private constant PAYER_KEY = 0x9a4e4;
    GoodToken private token;
    ModalToken private modal;
    Permit2 private permit2;

    function setUp() public override {
        super.setUp();
        permit2 = new Permit2();
        pot = deploy(0, address(0), address(permit2));
        token = new GoodToken();
        modal = new ModalToken();
        payer = vm.addr(PAYER_KEY);
        token.mint(payer, 1_000);
        modal.mint(payer, 1_000);
        vm.deal(payer, 10 ether);
    }

    function cfg(address of_) private view returns (ITabcastPot.PotConfig memory c) {
        c = config();
        c.token = of_;
    }

    function approve(address of_, uint256 amount) private {
        vm.prank(payer);
        GoodToken(of_).approve(address(pot), amount);
    }

    function put(address of_, uint96 amount) private {
        approve(of_, amount);
        vm.prank(payer);
        pot.deposit(cfg(of_), amount, 0);
    }

    function row(address of_, address payee, uint96 cumulative)
        private
        view
        returns (ITabcastPot.VoucherClaim[] memory)
    {
        bytes32 digest = pot.voucherDigest(pot.getPotId(cfg(of_)), payee, 7, cumulative);
        return one(signedRow(payee, 7, cumulative, signature(SIGNER_KEY, digest)));
    }

    function held(address of_) private view returns (uint96) {
        return pot.potState(pot.getPotId(cfg(of_))).balance;
    }

    function test_aWholeLifeInTokens() public {
        put(address(token), 1_000);
        vm.assertEq(token.balanceOf(address(pot)), 1_000, "arrived");
        vm.assertEq(pot.claim(cfg(address(token)), row(address(token), worker, 300)), 300, "paid");
        vm.assertEq(pot.credits(worker, address(token)), 300, "credit in that token");
        vm.assertEq(credit(worker), 0, "and in no other");
        pot.withdraw(worker, address(token));
        vm.assertEq(token.balanceOf(worker), 300, "withdrawn");
        vm.prank(payer);
        pot.startClose(cfg(address(token)));
        vm.warp(time() + HOUR);
        pot.finalizeClose(cfg(address(token)));
        vm.prank(payer);
        pot.withdrawTo(address(token), stranger, 700);
        vm.assertEq(token.balanceOf(stranger), 700, "refund to where the payer says");
        vm.assertEq(token.balanceOf(address(pot)), 0, "nothing left");
    }

    function test_theSignersGasIsCoinsInATokensPotToo() public {
        approve(address(token), 10);
        vm.prank(payer);
        pot.deposit{value: 1 ether}(cfg(address(token)), 10, 1 ether);
        vm.assertEq(signer.balance, 1 ether, "gas");
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.WrongValue.selector, 10, 0));
        vm.prank(payer);
        pot.deposit{value: 10}(cfg(address(token)), 10, 0);
    }

    function test_noDepositWithoutAnAllowance() public {
        vm.expectRevert();
        vm.prank(payer);
        pot.deposit(cfg(address(token)), 10, 0);
    }

    function test_anAddressWithoutCodeIsNoToken() public {
        vm.expectRevert();
        vm.prank(payer);
        pot.deposit(cfg(address(0x7)), 10, 0);
        vm.expectRevert();
        vm.prank(payer);
        pot.deposit(cfg(stranger), 10, 0);
    }

    function test_26_aTokenThatTakesAFeeIsRefused() public {
        modal.set(ModalToken.Mode.FEE);
        approve(address(modal), 100);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.InexactTransfer.selector, address(modal), 100, 98));
        vm.prank(payer);
        pot.deposit(cfg(address(modal)), 100, 0);
    }

    function test_26_aTokenThatGivesMoreIsRefused() public {
        modal.set(ModalToken.Mode.EXTRA);
        approve(address(modal), 100);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.InexactTransfer.selector, address(modal), 100, 101));
        vm.prank(payer);
        pot.deposit(cfg(address(modal)), 100, 0);
    }

    function test_26_aTokenThatReturnsFalseIsRefused() public {
        modal.set(ModalToken.Mode.FALSE);
        approve(address(modal), 100);
        vm.expectRevert();
        vm.prank(payer);
        pot.deposit(cfg(address(modal)), 100, 0);
    }

    function test_26_aTokenThatReturnsNothingIsTaken() public {
        modal.set(ModalToken.Mode.SILENT);
        put(address(modal), 100);
        pot.claim(cfg(address(modal)), row(address(modal), worker, 40));
        pot.withdraw(worker, address(modal));
        vm.assertEq(modal.balanceOf(worker), 40, "paid out too");
    }

    function test_26_oneTokensTroubleIsItsOwn() public {
        put(address(modal), 100);
        put(address(token), 100);
        pot.claim(cfg(address(modal)), row(address(modal), worker, 40));
        pot.claim(cfg(address(token)), row(address(token), worker, 40));
        modal.set(ModalToken.Mode.REVERT);
        vm.expectRevert(bytes("no"));
        pot.withdraw(worker, address(modal));
        vm.assertEq(pot.credits(worker, address(modal)), 40, "its credit stays");
        pot.withdraw(worker, address(token));
        vm.assertEq(token.balanceOf(worker), 40, "the other is paid");
    }

    function test_18_aBlacklistedPayeeHurtsOnlyItself() public {
        put(address(modal), 100);
        pot.claim(cfg(address(modal)), row(address(modal), worker, 40));
        pot.claim(cfg(address(modal)), row(address(modal), worker2, 40));
        modal.blacklist(worker, true);
        vm.expectRevert(bytes("blacklisted"));
        pot.withdraw(worker, address(modal));
        pot.withdraw(worker2, address(modal));
        vm.assertEq(modal.balanceOf(worker2), 40, "the other is paid");
        vm.prank(worker);
        pot.withdrawTo(address(modal), stranger, 40);
        vm.assertEq(modal.balanceOf(stranger), 40, "it can still send it elsewhere");
    }

    /// Invariant 21.
    function test_aReenteringTokenGainsNothing() public {
        put(address(modal), 100);
        modal.set(ModalToken.Mode.REENTER);
        bytes[5] memory attacks = [
            abi.encodeCall(ITabcastPot.claim, (cfg(address(modal)), row(address(modal), worker, 40))),
            abi.encodeCall(ITabcastPot.withdraw, (worker, address(modal))),
            abi.encodeCall(ITabcastPot.deposit, (cfg(address(modal)), 1, 0)),
            abi.encodeCall(ITabcastPot.depositFromCredit, (cfg(address(modal)), 1)),
            abi.encodeCall(ITabcastPot.finalizeClose, (cfg(address(modal))))
        ];
        for (uint256 i = 0; i < attacks.length; i++) {
            modal.attackWith(address(pot), attacks[i]);
            put(address(modal), 10);
        }
        vm.assertEq(modal.reentries(), 0, "none got in");
        vm.assertEq(held(address(modal)), 150, "booked once each");
        modal.attackWith(address(pot), abi.encodeCall(ITabcastPot.withdraw, (worker, address(modal))));
        pot.claim(cfg(address(modal)), row(address(modal), worker, 40));
        pot.withdraw(worker, address(modal));
        vm.assertEq(modal.balanceOf(worker), 40, "once");
    }

    function test_aCreditPaysIn() public {
        put(address(token), 100);
        pot.claim(cfg(address(token)), row(address(token), payer, 60));
        ITabcastPot.PotConfig memory next = cfg(address(token));
        next.salt = bytes32("next");
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.CreditTooSmall.selector, payer, address(token), 60, 61));
        vm.prank(payer);
        pot.depositFromCredit(next, 61);
        vm.prank(payer);
        pot.depositFromCredit(next, 60);
        vm.assertEq(pot.potState(pot.getPotId(next)).balance, 60, "moved");
        vm.assertEq(pot.credits(payer, address(token)), 0, "spent");
    }

    // EIP-2612

    function permit(uint256 key, uint96 amount, uint256 deadline) private view returns (uint8, bytes32, bytes32) {
        bytes32 hash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                payer,
                address(pot),
                amount,
                token.nonces(payer),
                deadline
            )
        );
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), hash)));
    }

    function test_aPermitPaysIn() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(PAYER_KEY, 100, time());
        vm.prank(payer);
        pot.depositWithPermit(cfg(address(token)), 100, time(), v, r, s);
        vm.assertEq(held(address(token)), 100, "balance");
    }

    function test_20_aPermitThatSomebodyUsedUpFirstStillPaysIn() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(PAYER_KEY, 100, time());
        token.permit(payer, address(pot), 100, time(), v, r, s);
        vm.prank(payer);
        pot.depositWithPermit(cfg(address(token)), 100, time(), v, r, s);
        vm.assertEq(held(address(token)), 100, "balance");
    }

    function test_anothersPermitDoesNot() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(OTHER_KEY, 100, time());
        vm.expectRevert();
        vm.prank(payer);
        pot.depositWithPermit(cfg(address(token)), 100, time(), v, r, s);
        (v, r, s) = permit(PAYER_KEY, 100, time());
        vm.expectRevert();
        vm.prank(stranger); // pulls from its own account, where nothing is
        pot.depositWithPermit(cfg(address(token)), 100, time(), v, r, s);
    }

    // EIP-3009

    function authorization(uint256 key, bytes32 potId, uint96 amount, bytes32 salt)
        private
        view
        returns (bytes memory)
    {
        bytes32 nonce = keccak256(abi.encode(potId, amount, salt));
        bytes32 digest = token.receiveDigest(payer, address(pot), amount, 0, time() + 1, nonce);
        return signature(key, digest);
    }

    function authorized(ITabcastPot.PotConfig memory c, uint96 amount, bytes memory sig) private {
        vm.prank(stranger);
        pot.depositWithAuthorization(c, amount, 0, time() + 1, "salt", sig);
    }

    function test_anAuthorizationPaysInWhoeverBringsIt() public {
        ITabcastPot.PotConfig memory c = cfg(address(token));
        bytes memory sig = authorization(PAYER_KEY, pot.getPotId(c), 100, "salt");
        authorized(c, 100, sig);
        vm.assertEq(held(address(token)), 100, "balance");
        vm.expectRevert(bytes("FiatTokenV2: authorization is used or canceled"));
        authorized(c, 100, sig);
    }

    function test_20_anAuthorizationIsForItsPotAndAmount() public {
        ITabcastPot.PotConfig memory c = cfg(address(token));
        bytes memory sig = authorization(PAYER_KEY, pot.getPotId(c), 100, "salt");
        vm.expectRevert(bytes("FiatTokenV2: invalid signature"));
        authorized(c, 99, sig);
        c.salt = bytes32("other");
        vm.expectRevert(bytes("FiatTokenV2: invalid signature"));
        authorized(c, 100, sig);
        c.signer = stranger;
        vm.expectRevert(bytes("FiatTokenV2: invalid signature"));
        authorized(c, 100, sig);
        vm.expectRevert(bytes("FiatTokenV2: caller must be the payee"));
        token.receiveWithAuthorization(payer, address(pot), 100, 0, time() + 1, 0, 27, 0, 0);
    }

    function test_anAuthorizationHasSixtyFiveBytes() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.BadSignature.selector));
        authorized(cfg(address(token)), 100, new bytes(64));
    }

    // Permit2

    function permit2Signature(uint256 key, bytes32 potId, uint96 amount, uint256 nonce)
        private
        view
        returns (bytes memory)
    {
        bytes32 witness = keccak256(abi.encode(keccak256("PotDeposit(bytes32 potId)"), potId));
        IPermit2.PermitTransferFrom memory transfer =
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(address(token), amount), nonce, time());
        string memory types =
            "PotDeposit witness)PotDeposit(bytes32 potId)TokenPermissions(address token,uint256 amount)";
        return signature(key, permit2.digest(transfer, address(pot), witness, types));
    }

    function test_permit2PaysInWhoeverBringsIt() public {
        vm.prank(payer);
        token.approve(address(permit2), type(uint256).max);
        ITabcastPot.PotConfig memory c = cfg(address(token));
        bytes memory sig = permit2Signature(PAYER_KEY, pot.getPotId(c), 100, 5);
        vm.expectRevert(bytes("sig"));
        pot.depositWithPermit2(c, 99, 5, time(), sig);
        vm.prank(stranger);
        pot.depositWithPermit2(c, 100, 5, time(), sig);
        vm.assertEq(held(address(token)), 100, "balance");
        vm.expectRevert(bytes("nonce"));
        pot.depositWithPermit2(c, 100, 5, time(), sig);
        sig = permit2Signature(PAYER_KEY, pot.getPotId(c), 100, 6);
        c.salt = bytes32("other");
        vm.expectRevert(bytes("sig"));
        pot.depositWithPermit2(c, 100, 6, time(), sig);
    }

    function test_withoutPermit2ThereIsNone() public {
        pot = deploy(0, address(0), address(0));
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.Permit2Unknown.selector));
        pot.depositWithPermit2(cfg(address(token)), 100, 5, time(), "");
    }

    function test_signedWaysInAreForTokens() public {
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.TokenRequired.selector));
        pot.depositWithPermit2(cfg(address(0)), 100, 5, time(), "");
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.TokenRequired.selector));
        pot.depositWithPermit(cfg(address(0)), 100, 0, 27, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.TokenRequired.selector));
        pot.depositWithAuthorization(cfg(address(0)), 100, 0, 0, 0, new bytes(65));
    }

    function test_aPermit2ThatMovesNothingIsRefused() public {
        vm.etch(address(permit2), address(new Lazy()).code);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.InexactTransfer.selector, address(token), 100, 0));
        pot.depositWithPermit2(cfg(address(token)), 100, 5, time(), "");
    }

    /// A token that calls itself paid without moving anything, by the ways in that do not pull.
    function test_anAuthorizationThatMovesNothingIsRefused() public {
        vm.etch(address(token), address(new Lazy()).code);
        vm.expectRevert(abi.encodeWithSelector(ITabcastPot.InexactTransfer.selector, address(token), 100, 0));
        authorized(cfg(address(token)), 100, new bytes(65));
    }
}

/// @dev Says yes to everything and does nothing.
contract Lazy {
    fallback() external {
        assembly ("memory-safe") {
            mstore(0, 1)
            return(0, 32)
        }
    }
}
