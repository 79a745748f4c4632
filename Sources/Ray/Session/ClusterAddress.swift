//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import RayCore
internal import RayNode

/// Where the cluster is that the user wants, if it is not to be started here.
struct ClusterAddress {
    var host: String
    var port: UInt16
    /// The session on this machine by which the address was found, if it was.
    var session: SessionDirectory?

    private static let clientPort: UInt16 = 10001
    private static let headPort: UInt16 = 6379

    /// Reads `ray://host[:port]`, `host:port`, `auto` or, without one, `RAY_ADDRESS`; nothing for a new cluster.
    ///
    /// - Throws: `invalidArgument` if the text is no address, `clusterUnreachable` if `auto` finds nothing.
    static func find(_ given: String?) throws(RayError) -> ClusterAddress? {
        guard let text = given ?? environment("RAY_ADDRESS"), !text.isEmpty, text != "local" else { return nil }
        if text == "auto" {
            guard let found = latest() else {
                throw RayError(
                    .clusterUnreachable,
                    "no running cluster was found on this machine; start one with 'ray start --head', or leave the "
                        + "address out to start one for this program")
            }
            return found
        }
        return try parse(text)
    }

    static func parse(_ text: String) throws(RayError) -> ClusterAddress {
        let isClient = text.hasPrefix("ray://")
        let rest = isClient ? String(text.dropFirst("ray://".count)) : text
        let wrong = RayError(
            .invalidArgument, "'\(text)' is no cluster address; write host:port, ray://host:port or auto")
        guard !rest.contains("://"), !rest.contains("/") else { throw wrong }
        var host = rest
        var port = isClient ? clientPort : headPort
        if let colon = rest.lastIndex(of: ":"), !rest.hasSuffix("]") {
            guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else { throw wrong }
            host = String(rest[..<colon])
            port = number
        } else if !isClient {
            throw wrong
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw wrong }
        return ClusterAddress(host: host, port: port)
    }

    /// The newest session on this machine whose processes live.
    private static func latest() -> ClusterAddress? {
        for session in SessionDirectory.all(under: SessionDirectory.temporaryRoot()).reversed() {
            guard !session.notedProcesses().isEmpty, let text = readFile(session.path + "/head_address"),
                var address = try? parse(String(text.filter { !$0.isWhitespace }))
            else { continue }
            address.session = session
            return address
        }
        return nil
    }

    /// The token to show there: what the environment gives, else what the session on this machine noted.
    func token() throws(RayError) -> AuthenticationToken {
        let found = try AuthenticationToken.forJoining()
        guard found.value.isEmpty, found != .open, let session,
            let noted = readFile(session.path + "/auth_token")
        else { return found }
        return AuthenticationToken(value: noted.filter { !$0.isWhitespace }, source: session.path + "/auth_token")
    }
}
