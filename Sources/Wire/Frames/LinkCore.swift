//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Delivers messages between two processes exactly once and in order, over connections that may break.
///
///     waiting ──connected──▶ up ──disconnected──▶ waiting ──too long──▶ lost
///        └───────────── process gone, goodbye, queue over its limit ───▶ lost
///
/// - waiting: no connection; messages are kept. `connected` leads to up, `lossMilliseconds` to lost.
/// - up: messages are sent; they are kept until the peer confirms them. `disconnected` and silence lead to waiting.
/// - lost: the end. A later link to the same peer is a new `LinkCore`.
///
/// The hot path does without effects: `enqueue`, `accept` and `sendNext` are what `receive` is made of, for a
/// driver that wants neither an array per message nor an enum per frame.
package struct LinkCore: Sendable {
    /// The state of a link.
    package enum State: Hashable, Sendable {
        case waiting
        case up
        case lost
    }

    /// What happens to a link.
    package enum Input: Sendable {
        case send(kind: UInt16, requestID: UInt64, payload: [UInt8])
        /// A connection is there, and the peer has received this far.
        case connected(peerHighestReceived: UInt64)
        /// The connection is gone; `isProcessGone` if it is certain that the peer is, too.
        case disconnected(reason: String, isProcessGone: Bool)
        case frame(header: FrameHeader, payload: [UInt8])
        case tick
    }

    /// What a link wants done.
    package enum Effect: Hashable, Sendable {
        /// One frame to put on the connection.
        case transmit([UInt8])
        case deliver(kind: UInt16, requestID: UInt64, payload: [UInt8])
        /// Try to connect at this time; only on the side that connects.
        case connect(at: Instant)
        /// Close the connection, for this reason; `disconnected` need not follow.
        case close(reason: String)
        /// The link has ended; nothing follows.
        case lost(reason: String)
    }

    /// What is to be done with a frame that arrived.
    package enum Acceptance: Hashable, Sendable {
        /// It is the next message: hand it on.
        case deliver
        /// Nothing to hand on: a link frame, a repetition, or a message behind a gap.
        case ignore
    }

    /// The limits and habits in force.
    package private(set) var configuration: Configuration
    /// Where the link stands.
    package private(set) var state = State.waiting
    /// Highest sequence received without a gap; what a hello says for resumption.
    package private(set) var highestReceived: UInt64 = 0
    /// Whether the link has been up.
    package private(set) var wasUp = false
    /// When `tick` is wanted next; nothing if only frames and messages matter.
    package var tickAt: Instant? { computeTick() }

    private var outgoing = OutgoingFrames()
    private var acknowledged: UInt64 = 0
    private var unconfirmedMessages = 0
    private var unconfirmedBytes = 0
    private var confirmAt: Instant?
    /// Since when the peer owes a sign of life; nothing while none is expected.
    private var expectingSince: Instant?
    private var pingedAt = Instant.zero
    private var retransmitAt: Instant?
    private var lossAt: Instant?
    private var connectAt: Instant?
    private var attempts = 0
    private var lastReason = "no connection was made"
    private var hasForgotten = false
    private var pending: [Effect] = []

    /// A link that waits for its first connection, for `lossMilliseconds`.
    package init(_ configuration: Configuration = Configuration(), at now: Instant) {
        self.configuration = configuration
        lossAt = now.advanced(milliseconds: configuration.lossMilliseconds)
    }

    /// Whether effects wait for `drain`.
    package var hasEffects: Bool { !pending.isEmpty }
    /// Bytes that are kept for the peer.
    package var queuedBytes: Int { outgoing.byteCount }
    /// Bytes that can go out at once.
    package var unsentBytes: Int { state == .up ? outgoing.unsentByteCount : 0 }
    /// Whether the sender should wait: more is queued than the limit. Messages are taken none the less.
    package var isCongested: Bool { outgoing.byteCount > configuration.queuedBytesMax }
    /// Messages sent and not yet confirmed.
    package var unacknowledgedCount: Int { Int(outgoing.lastSequence - acknowledged) }

    /// Handles one input; the way for the simulator and for everything that is not hot.
    package mutating func receive(_ input: Input, at now: Instant, into effects: inout [Effect]) {
        switch input {
        case .send(let kind, let requestID, let payload):
            payload.withUnsafeBytes { _ = enqueue(kind: kind, requestID: requestID, payload: $0, at: now) }
        case .connected(let peerHighestReceived): connected(peerHighestReceived: peerHighestReceived, at: now)
        case .disconnected(let reason, let isProcessGone):
            disconnected(reason: reason, isProcessGone: isProcessGone, at: now)
        case .frame(let header, let payload):
            let acceptance = payload.withUnsafeBytes { accept(header, payload: $0, at: now) }
            if acceptance == .deliver {
                effects.append(.deliver(kind: header.kind, requestID: header.requestID, payload: payload))
            }
        case .tick: tick(at: now)
        }
        drain(into: &effects)
        transmit(into: &effects)
    }

    /// Moves the effects of the hot-path functions to `effects`.
    package mutating func drain(into effects: inout [Effect]) {
        guard !pending.isEmpty else { return }
        effects.append(contentsOf: pending)
        pending.removeAll(keepingCapacity: true)
    }

    /// Takes a message, unless it is over `framePayloadBytesMax`: whether it was taken. It goes out with `sendNext`.
    ///
    /// On a lost link it is gone: the link's owner has been or is being told.
    package mutating func enqueue(
        kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, at now: @autoclosure () -> Instant
    ) -> Bool {
        precondition(kind >= LinkFrameKind.applicationMin, "kinds below 16 belong to the link")
        guard payload.count <= Limits.framePayloadBytesMax else { return false }
        guard state != .lost else { return true }
        guard outgoing.byteCount + payload.count <= configuration.queuedBytesHardMax else {
            let reason = "the peer does not read: \(outgoing.byteCount) bytes are queued for it"
            close(reason)
            lose(reason)
            return true
        }
        append(kind: kind, requestID: requestID, payload: payload, isMessage: true)
        guard state == .up, configuration.retainsUntilAcknowledged else { return true }
        guard expectingSince == nil || configuration.retransmitMilliseconds != nil else { return true }
        let now = now()
        if expectingSince == nil { expectingSince = now }
        armRetransmission(at: now)
        return true
    }

    /// Lends the next contiguous bytes for the connection; `send` says how many went out.
    package mutating func sendNext(_ send: (UnsafeRawBufferPointer) -> Int) -> Int {
        guard state == .up else { return 0 }
        let sent = outgoing.sendNext(send)
        if !configuration.retainsUntilAcknowledged {
            if outgoing.unsentByteCount == 0 { acknowledged = outgoing.lastSequence }
            outgoing.release(through: outgoing.lastSequence)
        }
        return sent
    }

    /// Judges a frame that arrived; effects may be pending afterwards.
    package mutating func accept(
        _ header: FrameHeader, payload: UnsafeRawBufferPointer, at now: Instant
    ) -> Acceptance {
        guard state == .up else { return .ignore }
        if expectingSince != nil || configuration.keepsAlive { expectingSince = now }
        if configuration.retainsUntilAcknowledged, header.acknowledged > acknowledged {
            guard confirm(through: header.acknowledged, at: now) else { return .ignore }
        }
        guard header.kind >= LinkFrameKind.applicationMin else {
            acceptLinkFrame(header, payload)
            return .ignore
        }
        guard header.sequence == highestReceived + 1 else {
            if header.sequence > highestReceived {
                guard configuration.retransmitMilliseconds == nil else { return .ignore }
                // A stream does not lose frames by itself: one of the sides is wrong, and a new connection resumes.
                breakConnection("a frame was missing before number \(header.sequence)", at: now)
            } else {
                // The confirmation may have been lost: say it again.
                confirmAt = now
                if configuration.deliversRepetitions { return .deliver }
            }
            return .ignore
        }
        highestReceived = header.sequence
        guard configuration.retainsUntilAcknowledged else { return .deliver }
        unconfirmedMessages += 1
        unconfirmedBytes += header.frameByteCount
        if unconfirmedMessages >= configuration.confirmEveryMessages
            || unconfirmedBytes >= configuration.confirmEveryBytes
        {
            sendConfirmation()
        } else if confirmAt == nil {
            confirmAt = now.advanced(milliseconds: configuration.confirmDelayMilliseconds)
        }
        return .deliver
    }

    /// A connection is there, and the peer has received this far.
    package mutating func connected(peerHighestReceived: UInt64, at now: Instant) {
        guard state != .lost else { return }
        guard peerHighestReceived >= acknowledged, peerHighestReceived <= outgoing.lastSequence else {
            close("resumption is impossible")
            return lose("the peer claims to have received \(peerHighestReceived) of \(outgoing.lastSequence) messages")
        }
        let isRetransmission = wasUp && outgoing.lastSequence > peerHighestReceived
        state = .up
        wasUp = true
        acknowledged = peerHighestReceived
        (attempts, lossAt, connectAt) = (0, nil, nil)
        outgoing.rewind(after: acknowledged)
        outgoing.release(through: acknowledged)
        if isRetransmission { forgetIfPlanted() }
        expectingSince = unacknowledgedCount > 0 || configuration.keepsAlive ? now : nil
        if !configuration.retainsUntilAcknowledged { expectingSince = configuration.keepsAlive ? now : nil }
        retransmitAt = nil
        armRetransmission(at: now)
    }

    /// The connection is gone, or an attempt to connect failed.
    package mutating func disconnected(reason: String, isProcessGone: Bool, at now: Instant) {
        guard state != .lost else { return }
        lastReason = reason
        if isProcessGone || configuration.losesAtDisconnect { return lose(reason) }
        if state == .up { lossAt = now.advanced(milliseconds: configuration.lossMilliseconds) }
        state = .waiting
        (expectingSince, retransmitAt, confirmAt) = (nil, nil, nil)
        guard configuration.connects else { return }
        let delay = min(configuration.connectDelayMillisecondsMax, 10 << min(attempts, 10))
        attempts += 1
        connectAt = now.advanced(milliseconds: delay)
        pending.append(.connect(at: now.advanced(milliseconds: delay)))
    }

    /// Does what time demands.
    package mutating func tick(at now: Instant) {
        guard state == .up else {
            if state == .waiting, let lossAt, now >= lossAt { lose(lastReason) }
            return
        }
        if let confirmAt, now >= confirmAt { sendConfirmation() }
        if let retransmitAt, now >= retransmitAt, unacknowledgedCount > 0 {
            outgoing.rewind(after: acknowledged)
            forgetIfPlanted()
            self.retransmitAt = nil
            armRetransmission(at: now)
        }
        checkSilence(at: now)
    }

    /// Says to the peer that the link ends on purpose; the owner closes once all is sent.
    package mutating func sayGoodbye(_ reason: String) {
        guard state == .up else { return }
        appendLinkFrame(.goodbye, payload: Array(reason.utf8))
    }

    /// Takes other limits and habits; only before the link was up.
    package mutating func adopt(_ configuration: Configuration) {
        precondition(!wasUp, "a link keeps its configuration once it was up")
        self.configuration = configuration
    }

    /// Ends the link from this side, with the same effects as if the peer were gone.
    package mutating func end(_ reason: String) {
        guard state != .lost else { return }
        close(reason)
        lose(reason)
    }

    /// Ends the link without a word to the owner.
    package mutating func abandon() {
        state = .lost
        outgoing = OutgoingFrames()
        acknowledged = 0
    }

    /// Stops the program if the fields contradict each other.
    package func checkInvariants() {
        outgoing.checkInvariants()
        precondition(acknowledged <= outgoing.lastSequence, "more is confirmed than was sent")
        precondition(state != .up || lossAt == nil, "a link that is up is not being lost")
        precondition(state != .waiting || lossAt != nil, "a link that waits must end some day")
        precondition(unconfirmedMessages < configuration.confirmEveryMessages || state != .up, "a confirmation is late")
    }
}

extension LinkCore {
    /// How the reason of a loss begins that the peer wanted.
    package static let goodbyePrefix = "the peer ended the connection: "

    private mutating func acceptLinkFrame(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        switch LinkFrameKind(rawValue: header.kind) {
        case .ping:
            // A peer that reads nothing gets no more; one that reads sees by what is queued that somebody is there.
            if !isCongested { appendLinkFrame(.pong, requestID: header.requestID) }
        case .goodbye:
            let reason = String(decoding: payload, as: UTF8.self)
            close(reason)
            lose(LinkCore.goodbyePrefix + reason)
        case .hello, .welcome, .refused, .acknowledgement, .pong, nil: break
        }
    }

    private mutating func confirm(through sequence: UInt64, at now: Instant) -> Bool {
        guard sequence <= outgoing.lastSequence else {
            breakConnection("the peer confirms message \(sequence) of \(outgoing.lastSequence)", at: now)
            return false
        }
        acknowledged = sequence
        outgoing.release(through: sequence)
        retransmitAt = nil
        armRetransmission(at: now)
        if unacknowledgedCount == 0, !configuration.keepsAlive { expectingSince = nil }
        return true
    }

    private mutating func append(kind: UInt16, requestID: UInt64, payload: UnsafeRawBufferPointer, isMessage: Bool) {
        outgoing.append(
            kind: kind, requestID: requestID, payload: payload, isMessage: isMessage, acknowledged: highestReceived)
        // Every frame confirms all that was received before it.
        unconfirmedMessages = 0
        unconfirmedBytes = 0
        confirmAt = nil
    }

    private mutating func appendLinkFrame(_ kind: LinkFrameKind, requestID: UInt64 = 0, payload: [UInt8] = []) {
        payload.withUnsafeBytes {
            append(kind: kind.rawValue, requestID: requestID, payload: $0, isMessage: false)
        }
    }

    private mutating func sendConfirmation() { appendLinkFrame(.acknowledgement) }

    private mutating func checkSilence(at now: Instant) {
        guard let since = expectingSince else { return }
        // Ticks that come much too late mean that this process stood still: the peer is not to blame.
        if pingedAt > since, now.milliseconds(since: pingedAt) > 3 * configuration.pingMilliseconds {
            expectingSince = now
            pingedAt = now
            return appendLinkFrame(.ping)
        }
        if now.milliseconds(since: since) >= configuration.silenceMilliseconds {
            if configuration.trustsSilence {
                expectingSince = now
                return
            }
            breakConnection("the peer has been silent for \(now.milliseconds(since: since)) ms", at: now)
        } else if now.milliseconds(since: max(since, pingedAt)) >= configuration.pingMilliseconds {
            pingedAt = now
            appendLinkFrame(.ping)
        }
    }

    private mutating func armRetransmission(at now: Instant) {
        guard let delay = configuration.retransmitMilliseconds, state == .up, unacknowledgedCount > 0,
            retransmitAt == nil
        else { return }
        retransmitAt = now.advanced(milliseconds: delay)
    }

    private mutating func forgetIfPlanted() {
        guard configuration.forgetsLostReply, !hasForgotten, unacknowledgedCount > 0 else { return }
        hasForgotten = true
        outgoing.forgetFirst(after: acknowledged)
    }

    private mutating func breakConnection(_ reason: String, at now: Instant) {
        close(reason)
        disconnected(reason: reason, isProcessGone: false, at: now)
    }

    private mutating func close(_ reason: String) {
        if state == .up { pending.append(.close(reason: reason)) }
    }

    private mutating func lose(_ reason: String) {
        abandon()
        (expectingSince, retransmitAt, confirmAt, lossAt, connectAt) = (nil, nil, nil, nil, nil)
        pending.append(.lost(reason: reason))
    }

    /// Cuts what can be sent into frames, one effect each.
    private mutating func transmit(into effects: inout [Effect]) {
        while unsentBytes > 0 {
            _ = sendNext { bytes in
                let length = bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self).littleEndian
                let count = FrameHeader.byteCount + Int(length)
                effects.append(.transmit(Array(bytes[..<count])))
                return count
            }
        }
    }

    private func computeTick() -> Instant? {
        var next = Instant.distantFuture
        switch state {
        case .lost: return nil
        case .waiting: next = lossAt ?? next
        case .up:
            if let confirmAt { next = min(next, confirmAt) }
            if let retransmitAt { next = min(next, retransmitAt) }
            if let expectingSince {
                next = min(next, max(expectingSince, pingedAt).advanced(milliseconds: configuration.pingMilliseconds))
                next = min(next, expectingSince.advanced(milliseconds: configuration.silenceMilliseconds))
            }
        }
        return next == .distantFuture ? nil : next
    }
}
