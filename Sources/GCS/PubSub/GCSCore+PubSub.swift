//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import RayWire

extension GCSCore {
    mutating func subscribe(_ channel: String, _ sender: Sender, into effects: inout GCSEffects) {
        let isKnown = peers[sender.id]?.channels.contains(channel) == true
        let hasRoom =
            channel.utf8.count <= Limits.nameBytesMax
            && peers[sender.id]?.channels.count ?? 0 < GCSLimits.subscriptionsPerPeerMax
            && (channels[channel] != nil || channels.count < GCSLimits.channelsMax)
        guard isKnown || hasRoom else {
            let error = RayError(.systemError, "too many channels, or a channel's name is too long")
            return confirm(error, sender, into: &effects)
        }
        peers[sender.id]?.channels.insert(channel)
        channels[channel, default: []].insert(sender.id)
        confirm(nil, sender, into: &effects)
    }

    mutating func unsubscribe(_ channel: String, _ sender: Sender, into effects: inout GCSEffects) {
        leave(channel, sender.id)
        confirm(nil, sender, into: &effects)
    }

    mutating func publish(_ message: Publish, _ sender: Sender, into effects: inout GCSEffects) {
        guard message.payload.count <= GCSLimits.publishBytesMax else {
            let error = RayError(
                .invalidArgument, "a published message has at most \(GCSLimits.publishBytesMax) bytes")
            return confirm(error, sender, into: &effects)
        }
        let published = Message.published(Published(channel: message.channel, payload: message.payload))
        for subscriber in (channels[message.channel] ?? []).sorted() { tell(subscriber, published, into: &effects) }
        confirm(nil, sender, into: &effects)
    }

    /// Publishes an error for people to read.
    func report(_ error: ErrorReport, into effects: inout GCSEffects) {
        let publish = error.publish
        let published = Message.published(Published(channel: publish.channel, payload: publish.payload))
        for subscriber in (channels[publish.channel] ?? []).sorted() { tell(subscriber, published, into: &effects) }
    }

    /// Has all drivers and workers free what nobody refers to any more.
    func collectGarbage(_ sender: Sender, into effects: inout GCSEffects) {
        collectGarbage(into: &effects)
        confirm(nil, sender, into: &effects)
    }

    /// The handles of actors that are in nobody's way but Python's garbage keep what others wait for: as in Ray it is
    /// collected when something waits that nothing which runs will make room for.
    mutating func collectGarbageIfStalled(at now: Instant, into effects: inout GCSEffects) {
        guard scheduler.isStalled() else {
            stalledSince = nil
            return
        }
        let since = stalledSince ?? now
        stalledSince = since
        guard since.advanced(milliseconds: GCSLimits.stalledMilliseconds) <= now, nextCollection <= now else { return }
        nextCollection = now.advanced(milliseconds: GCSLimits.collectionMilliseconds)
        collectGarbage(into: &effects)
    }

    private func collectGarbage(into effects: inout GCSEffects) {
        for (peer, record) in peers.sorted(by: { $0.key < $1.key }) where !record.isGone {
            guard record.role == .driver || record.role == .worker else { continue }
            tell(peer, .collectGarbage(CollectGarbage()), into: &effects)
        }
    }

    /// Removes a subscriber, and the channel with its last one.
    mutating func leave(_ channel: String, _ peer: WorkerID) {
        peers[peer]?.channels.remove(channel)
        channels[channel]?.remove(peer)
        if channels[channel]?.isEmpty == true { channels[channel] = nil }
    }
}
