//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
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
        let root = SessionDirectory.temporaryRoot(given: temporaryRoot)
        let lookup = try AddressLookup(
            given: address, environment: environment("RAY_ADDRESS"),
            localHeads: AddressLookup.localHeads(under: root))
        let client = try ControlClient(
            host: lookup.address.host, port: lookup.address.port, token: try lookup.token())
        let reply = try client.request(.queryCluster(QueryCluster()), milliseconds: milliseconds)
        guard case .clusterStatus(let status) = reply else {
            throw RayError(
                .systemError,
                "the head at \(lookup.address) gave another answer than its state; "
                    + "use a 'ray' of the same version as the cluster")
        }
        return (lookup.address, status)
    }
}
