//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

extension LinkCore {
    /// The limits and habits of a link.
    package struct Configuration: Hashable, Sendable {
        /// Whether messages are kept until confirmed; without, a broken connection is the end of the link.
        package var retainsUntilAcknowledged = true
        /// Whether this side makes new connections.
        package var connects = false
        /// Whether the end of a connection means that the peer's process is gone (Unix sockets).
        package var losesAtDisconnect = false
        /// Whether the peer is asked for signs of life also when nothing is outstanding.
        package var keepsAlive = false
        /// After how long without confirmation messages are sent again; only for networks that lose frames.
        package var retransmitMilliseconds: Int?
        /// After how much silence a ping goes out.
        package var pingMilliseconds = 1_000
        /// After how much silence the connection is given up.
        package var silenceMilliseconds = 5_000
        /// After how long without a connection the link is lost.
        package var lossMilliseconds = 5_000
        /// Longest pause between two attempts to connect.
        package var connectDelayMillisecondsMax = 500
        /// Queued bytes from which on senders are told to wait.
        package var queuedBytesMax = 256 << 20
        /// Queued bytes at which the link is given up.
        package var queuedBytesHardMax = 1 << 30
        /// Messages after which a confirmation is sent at once.
        package var confirmEveryMessages = 64
        /// Received bytes after which a confirmation is sent at once.
        package var confirmEveryBytes = 256 << 10
        /// Longest delay of a confirmation.
        package var confirmDelayMilliseconds = 20
        /// Planted fault for the simulator: the first retransmission forgets one message.
        package var forgetsLostReply = false
        /// Another: what comes twice is handed on twice.
        package var deliversRepetitions = false
        /// Another: a peer may be silent for ever.
        package var trustsSilence = false

        /// The habits of a link whose connections may break.
        package init() {}

        /// For a Unix socket: the kernel loses nothing, and its end is the end of the peer.
        package static func sameNode(connects: Bool) -> Configuration {
            var configuration = Configuration()
            configuration.retainsUntilAcknowledged = false
            configuration.losesAtDisconnect = true
            configuration.connects = connects
            return configuration
        }

        /// For TCP: connections break, processes need not.
        package static func acrossNodes(connects: Bool, keepsAlive: Bool = false) -> Configuration {
            var configuration = Configuration()
            configuration.connects = connects
            configuration.keepsAlive = keepsAlive
            return configuration
        }
    }
}
