//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayScheduler
internal import Testing

/// A scheduler with short names for nodes, owners and leases; every step checks the invariants.
struct SchedulerHarness {
    var core = SchedulerCore()
    var now = Instant.zero
    var checksInvariants = true

    static func node(_ number: Int) -> NodeID { NodeID(UInt64(number).byteSwapped, 0, 0, 0) }
    static func owner(_ number: Int) -> WorkerID { WorkerID(UInt64(number).byteSwapped, 0, 0, 0) }
    static func lease(_ number: Int) -> LeaseID { LeaseID(UInt64(number).byteSwapped, 0, 0, 0) }

    @discardableResult
    mutating func send(_ input: SchedulerInput) -> [SchedulerEffect] {
        var effects = SchedulerEffects()
        core.receive(input, at: now, into: &effects)
        if checksInvariants {
            let violations = core.checkInvariants()
            if !violations.isEmpty { Issue.record("\(violations) after \(input)") }
        }
        return effects.items
    }

    @discardableResult
    mutating func addNode(_ number: Int, _ resources: (String, Double)...) -> [SchedulerEffect] {
        send(.nodeAdded(Self.node(number), total: ResourceSet(resources), host: "10.0.0.\(number)"))
    }

    /// Asks for a lease and gives the number of its node if it was granted at once.
    @discardableResult
    mutating func request(
        _ number: Int, _ shape: (String, Double)..., held: [(String, Double)]? = nil, owner: Int = 1,
        ownerNode: Int? = nil, strategy: SchedulingStrategy = .hybrid, locality: [(Int, Int)] = [],
        isActor: Bool = false
    ) -> Int? {
        send(
            .request(
                LeaseRequest(
                    id: Self.lease(number), owner: Self.owner(owner), ownerNode: ownerNode.map(Self.node) ?? .none,
                    job: JobID(1), shape: ResourceSet(shape), held: held.map { ResourceSet($0) },
                    strategy: strategy,
                    locality: locality.map { LeaseRequest.Locality(Self.node($0.0), bytes: $0.1) },
                    isActor: isActor)))
        return node(of: number)
    }

    @discardableResult
    mutating func release(_ number: Int) -> [Int] {
        // Not in one expression: that would keep a copy of the harness alive and copy all of its state.
        let effects = send(.release(Self.lease(number)))
        return granted(in: effects)
    }

    @discardableResult
    mutating func block(_ number: Int) -> [Int] {
        let effects = send(.blocked(Self.lease(number)))
        return granted(in: effects)
    }

    @discardableResult
    mutating func unblock(_ number: Int) -> [SchedulerEffect] { send(.unblocked(Self.lease(number))) }

    /// Lets time pass and gives the effects.
    @discardableResult
    mutating func advance(milliseconds: Int) -> [SchedulerEffect] {
        now = now.advanced(milliseconds: milliseconds)
        return send(.tick)
    }

    /// The number of the node of a granted lease.
    func node(of lease: Int) -> Int? {
        core.grant(of: Self.lease(lease)).map { Int($0.node.word0.byteSwapped) }
    }

    /// The numbers of the devices of a granted lease.
    func devices(of lease: Int, _ kind: Accelerator = .gpu) -> [Int]? {
        core.grant(of: Self.lease(lease))?.acceleratorIDs.filter { $0.kind == kind }.map { Int($0.number) }
    }

    func gpus(of lease: Int) -> [Int]? { devices(of: lease) }

    func available(_ node: Int, _ name: String = "CPU") -> Double? {
        core.available(of: Self.node(node)).map { $0[name].value }
    }

    func isOverdrawn(_ lease: Int) -> Bool { core.isOverdrawn(Self.lease(lease)) }

    func reason(_ lease: Int) -> String? { core.pendingReason(of: Self.lease(lease))?.sentence }

    /// The numbers of the leases granted by `effects`, in order.
    func granted(in effects: [SchedulerEffect]) -> [Int] {
        effects.compactMap {
            guard case .grant(let grant) = $0 else { return nil }
            return Int(grant.id.word0.byteSwapped)
        }
    }
}

extension [SchedulerEffect] {
    /// The effects without the requests to give idle leases back.
    var withoutReclaim: [SchedulerEffect] {
        filter {
            if case .reclaimIdle = $0 { return false }
            return true
        }
    }
}
