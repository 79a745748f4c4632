//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What `ray start` tells once the node is ready.
package struct StartReport: Sendable {
    package var isHead: Bool
    /// The address on which the node listens.
    package var nodeHost: String
    package var head: HostAddress
    /// The port for programs outside, if one is open.
    package var clientPort: UInt16?
    /// The folder of the session.
    package var session: String
    /// Where the token is kept; nothing if the cluster is open.
    package var tokenSource: String?
    /// `--temp-dir`, if given.
    package var temporaryRoot: String?
    package var isBlocking: Bool

    package init(
        isHead: Bool, nodeHost: String, head: HostAddress, clientPort: UInt16?, session: String,
        tokenSource: String?, temporaryRoot: String?, isBlocking: Bool
    ) {
        self.isHead = isHead
        self.nodeHost = nodeHost
        self.head = head
        self.clientPort = clientPort
        self.session = session
        self.tokenSource = tokenSource
        self.temporaryRoot = temporaryRoot
        self.isBlocking = isBlocking
    }

    /// The text, in Ray's words where Ray has them, without a final line break.
    package var text: String {
        let rule = String(repeating: "-", count: 20)
        var lines = ["Local node IP: \(nodeHost)", "", rule, "Ray runtime started.", rule, ""]
        if isHead {
            lines.append("Next steps")
            lines += joining + connecting + watching
        }
        lines += terminating
        if isBlocking {
            lines += [
                "", "--block", "  This command will now block forever until terminated by a signal.",
                "  Running subprocesses are monitored and a message will be printed if any of them terminate unexpectedly.",
            ]
        }
        return lines.joined(separator: "\n")
    }

    private var joining: [String] {
        var lines = [
            "  To add another node to this Ray cluster, run",
            "    ray start --address='\(head)'",
        ]
        if HostAddress.isLoopback(nodeHost) {
            lines += [
                "", "  This cluster listens on loopback only: other machines cannot reach it. To change that, run",
                "    ray stop",
                "    ray start --head --node-ip-address=ADDRESS",
                "  with the address that this machine has in their network.",
            ]
        }
        if let tokenSource {
            lines += [
                "", "  Whoever joins needs the cluster's token, which is kept in \(tokenSource).",
                "  On another machine put it into ~/.ray/auth_token, or set RAY_AUTH_TOKEN, before you join.",
            ]
        } else {
            lines += [
                "", "  Warning: this cluster asks for no token. Whoever reaches its ports can run code on it.",
                "  Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN to change that.",
            ]
        }
        return lines + [""]
    }

    private var connecting: [String] {
        [
            "  To connect to this Ray cluster from a program on this machine:",
            "    import Ray",
            "    try await ray.init(address: \"auto\")    // elsewhere: RAY_ADDRESS='\(head)'", "",
        ]
    }

    private var watching: [String] {
        ["  To see the status of the cluster, run", "    ray status", "", "  Logs are in \(session)/logs", ""]
    }

    private var terminating: [String] {
        let command = temporaryRoot.map { "ray stop --temp-dir='\($0)'" } ?? "ray stop"
        guard isHead else { return ["To terminate the Ray runtime, run", "  \(command)"] }
        return ["  To terminate the Ray runtime, run", "    \(command)"]
    }
}
