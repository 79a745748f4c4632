//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// What the head's GCS is told at its start.
package struct GCSConfiguration: Sendable {
    /// The session's folder; `sockets` and `programs` in it are made if they are not there.
    package var sessionDirectory: String
    /// Address at which the cluster reaches the GCS, and that it listens on.
    package var host: String
    /// Port for the cluster; 0 takes a free one.
    package var port: UInt16
    /// A second port, for drivers outside; 0 takes a free one, nothing opens none.
    package var clientPort: UInt16?
    /// Whether the ports are open on loopback too, where `host` is another address.
    package var listensOnLoopback = false
    /// The cluster's token; empty if none is wanted.
    package var token = ""
    /// Where the token comes from, for messages.
    package var tokenSource = ""
    /// What is recorded of tasks.
    package var trace = TraceSettings()
    /// Name of the session; the folder's name if not set.
    package var sessionName = ""

    /// Folder of the journal; empty for a head that does not outlive its process.
    package var storageDirectory = ""
    /// Whether the folder was named by the operator: then the programs are kept there, too.
    package var isStorageOwn = false
    /// How long processes wait for this head when it is away.
    package var reconnectMilliseconds = 60_000
    /// How long files that nobody uses are kept after they were brought.
    package var fileGraceMilliseconds = 600_000
    /// From how many spilled bytes of a node on its drivers hear of them; 0 for never.
    package var spillNoticeBytes = 2 << 30
    /// Up to which share of their use nodes are packed, from 0 to 1.
    package var spreadThreshold = 0.5

    package init(sessionDirectory: String, host: String, port: UInt16, clientPort: UInt16? = nil) {
        self.sessionDirectory = sessionDirectory
        self.host = host
        self.port = port
        self.clientPort = clientPort
    }

    /// Unix socket for processes of this machine.
    package var socketPath: String { sessionDirectory + "/links/gcs.sock" }

    /// Where executables are kept by their hash.
    package var programsDirectory: String {
        (isStorageOwn && !storageDirectory.isEmpty ? storageDirectory : sessionDirectory) + "/programs"
    }

    /// The session's name, never empty.
    package var name: String {
        guard sessionName.isEmpty else { return sessionName }
        return sessionDirectory.split(separator: "/").last.map(String.init) ?? "session"
    }
}
