//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayNode
package import RayWire

/// Asks a head for the state of its cluster.
package enum ClusterQuery {
    /// How long the head has to answer before a command says that it does not.
    package static let milliseconds = 5000

    /// The answer of the head that `address`, the environment or a session on this machine names.
    ///
    /// - Throws: `UsageError` if the address cannot be read, `RayError` if nobody answers it.
    package static func status(address: String?, temporaryRoot: String?) throws -> (HostAddress, ClusterStatus) {
        let (host, reply) = try ask(.queryCluster(QueryCluster()), address: address, temporaryRoot: temporaryRoot)
        guard case .clusterStatus(let status) = reply else { throw strangeAnswer }
        return (host, status)
    }

    /// Asks the head that `address`, the environment or a session on this machine names.
    ///
    /// - Throws: `UsageError` if the address cannot be read, `RayError` if nobody answers it.
    package static func ask(
        _ question: Message, address: String?, temporaryRoot: String?
    ) throws -> (HostAddress, Message) {
        let root = SessionDirectory.temporaryRoot(given: temporaryRoot)
        let lookup = try AddressLookup(
            given: address, environment: environment("RAY_ADDRESS"),
            localHeads: AddressLookup.localHeads(under: root))
        let client = try ControlClient(
            host: lookup.address.host, port: lookup.address.port, token: try lookup.token())
        return (lookup.address, try client.request(question, milliseconds: milliseconds))
    }

    /// The head is of another version.
    package static var strangeAnswer: RayError {
        RayError(
            .systemError,
            "the head gave another answer than it was asked for; use a 'ray' of the same version as the cluster")
    }
}
