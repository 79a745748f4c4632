//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
package import RayNode

/// Finds the cluster that a command is about, and the token that opens it.
package struct AddressLookup: Sendable, Equatable {
    /// A head of a session on this machine.
    package struct LocalHead: Sendable, Equatable {
        package var address: HostAddress
        /// The token generated for the session; empty if none was.
        package var token: String
        /// Whether the head's own process is of this machine: else a node here has joined it.
        package var isServedHere: Bool

        package init(address: HostAddress, token: String = "", isServedHere: Bool = true) {
            self.address = address
            self.token = token
            self.isServedHere = isServedHere
        }
    }

    package var address: HostAddress
    /// The session's token where the address is that of a session on this machine; else empty.
    package var sessionToken: String

    /// Takes the address given, else the environment's, else the one of the latest session that lives here.
    ///
    /// A loopback address leads to the local session with the same port, because a head that listens on the
    /// pod's address only is asked for by `RAY_ADDRESS=127.0.0.1:6379` inside the pod.
    package init(given: String?, environment: String?, localHeads: [LocalHead]) throws {
        let text = [given, environment].compactMap { $0 }.first { !$0.isEmpty && $0 != "auto" && $0 != "local" }
        if let text {
            let wanted = try HostAddress(parsing: text)
            let local = localHeads.last {
                $0.address == wanted || (wanted.isLoopback && $0.address.port == wanted.port)
            }
            address = local?.address ?? wanted
            sessionToken = local?.token ?? ""
        } else if let local = localHeads.last {
            address = local.address
            sessionToken = local.token
        } else {
            throw RayError(
                .clusterUnreachable,
                "no Ray cluster runs on this machine; start one with 'ray start --head', "
                    + "or name one with --address=HOST:PORT or RAY_ADDRESS")
        }
    }

    /// The heads that live on this machine, oldest first.
    package static func localHeads(under root: String) -> [LocalHead] {
        SessionDirectory.all(under: root).compactMap { session in
            let processes = session.notedProcesses()
            guard !processes.isEmpty,
                let line = readFile(session.path + "/head_address")?.split(separator: "\n").first,
                let address = HostAddress(line: line)
            else { return nil }
            let token = readFile(session.path + "/auth_token")?.split(whereSeparator: \.isWhitespace).first
            return LocalHead(
                address: address, token: token.map(String.init) ?? "",
                isServedHere: processes.contains { $0.role == "gcs_server" })
        }
    }

    /// The token to be shown: the one that Ray's variables and files give, else the session's.
    package func token() throws(RayError) -> AuthenticationToken {
        let found = try AuthenticationToken.forJoining()
        guard found.value.isEmpty, found != .open, !sessionToken.isEmpty else { return found }
        return AuthenticationToken(value: sessionToken, source: "the session's auth_token")
    }
}
