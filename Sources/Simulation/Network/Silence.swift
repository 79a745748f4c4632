//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Nothing gets from some hosts to others for a while, and nobody is told: what is sent waits in the network.
struct Silence {
    /// Nothing stands for every host.
    var from: String?
    var to: String?
    var end: Instant
    var milliseconds: Int

    /// When the last of what waited is heard.
    var lastEcho: Instant { end.advanced(milliseconds: milliseconds) }

    func covers(_ source: String, _ target: String) -> Bool {
        (from ?? source) == source && (to ?? target) == target
    }
}

extension Cluster {
    /// Starts silences, after forgetting those that are long over.
    func fallSilent(_ directions: [(from: String?, to: String?)], milliseconds: Int) {
        silences.removeAll { $0.lastEcho.advanced(milliseconds: 5_000) <= now }
        let end = now.advanced(milliseconds: milliseconds)
        silences += directions.map { Silence(from: $0.from, to: $0.to, end: end, milliseconds: milliseconds) }
    }

    /// The silence between the hosts of a link that lasts longest.
    private func silence(_ link: SimulatedLink, from side: Int, at time: Instant) -> Silence? {
        guard !silences.isEmpty, !link.isSameNode else { return nil }
        let (source, target) = (link.ends[side].process.host, link.ends[1 - side].process.host)
        return silences.filter { $0.end > time && $0.covers(source, target) }.max { $0.end < $1.end }
    }

    /// When the other side hears what would reach it at `time`.
    ///
    /// As with TCP: the pauses between two attempts double, so that what waited may come as much later again.
    func heard(_ link: SimulatedLink, from side: Int, at time: Instant) -> Instant {
        guard let silence = silence(link, from: side, at: now) else { return time }
        return max(time, silence.end.advanced(milliseconds: random(0...silence.milliseconds)))
    }

    /// Whether a new connection cannot be made now.
    func isBlocked(_ link: SimulatedLink) -> Bool {
        now < link.blockedUntil || (0...1).contains { silence(link, from: $0, at: now) != nil }
    }
}
