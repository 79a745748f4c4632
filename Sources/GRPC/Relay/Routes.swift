//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Synchronization

/// Which clients have a server of their own, to which their calls go without the program.
final class Routes: Sendable {
    /// Calls of one client.
    private struct Route {
        /// The call that it holds for.
        let owner: ObjectIdentifier
        let service: String
        let upstream: Upstream
        /// What the client has shown to be let in.
        let authorization: String?
    }

    /// By what clients give as their name.
    private struct Table {
        var key = ""
        var routes: [String: Route] = [:]
        /// What was made for each call that is under way.
        var upstreams: [ObjectIdentifier: Upstream] = [:]
    }

    private let table = Mutex(Table())

    /// From now on the calls of `service` whose value of `key` is that of `call` go to `upstream`, until `remove`.
    ///
    /// `key` is the same for all.
    func add(_ call: ServerCall, service: String, key: String, to upstream: Upstream) {
        let owner = ObjectIdentifier(call)
        let route = Route(
            owner: owner, service: service, upstream: upstream, authorization: call.authorization)
        table.withLock { table in
            table.key = key
            table.upstreams[owner] = upstream
            if let name = call.metadata(key) { table.routes[name] = route }
        }
    }

    /// The route of a call is gone, unless the client has another one by now; what it went to is to be closed.
    func remove(_ call: ServerCall) -> Upstream? {
        let owner = ObjectIdentifier(call)
        return table.withLock { table in
            if let name = call.metadata(table.key), table.routes[name]?.owner == owner { table.routes[name] = nil }
            return table.upstreams.removeValue(forKey: owner)
        }
    }

    /// Where a call goes, if it does not come to the program.
    func upstream(for call: ServerCall) -> Upstream? {
        table.withLock { table in
            guard let name = call.metadata(table.key), let route = table.routes[name],
                call.method.hasPrefix(route.service),
                Secret.isSame(call.authorization, route.authorization)
            else { return nil }
            return route.upstream
        }
    }
}
