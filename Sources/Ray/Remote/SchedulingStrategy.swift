//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension ray {
    /// Where a task or actor should run.
    public enum SchedulingStrategy: Hashable, Sendable {
        /// Packs nodes up to half of their use, then takes the least used.
        case `default`
        /// Spreads over the nodes that fit.
        case spread
        /// On one node, by its id as hex; `soft` allows others when it is gone or cannot ever fit.
        case nodeAffinity(nodeID: String, soft: Bool)
        /// In a placement group: in the bundle of that number, or in any. With `capturesChildTasks` what runs there
        /// starts its own tasks and actors in the group, too, unless they are given a strategy.
        case placementGroup(PlacementGroup, bundleIndex: Int? = nil, capturesChildTasks: Bool = false)
    }
}

extension ray {
    /// Another place for a task or actor, where none before it has room: `.init(labelSelector: ["zone": "b"])`.
    public struct Fallback: Hashable, Sendable {
        /// Labels that the node must have, as in `labelSelector`; without any, every node will do.
        public var labelSelector: [String: String]

        /// A place by its labels.
        public init(labelSelector: [String: String]) { self.labelSelector = labelSelector }
    }
}

/// What `.options(…)` of a function or actor has collected; later calls win.
struct CallOptions: Sendable {
    var numCPUs: Double?
    var numGPUs: Double?
    var acceleratorType: String?
    var memory: Int?
    var resources: [String: Double]?
    var name: String?
    var retriesMax: Int?
    var strategy: ray.SchedulingStrategy?
    var retryExceptions: ray.RetryExceptions?
    var labelSelector: [String: String]?
    var fallbackStrategy: [ray.Fallback]?
    var generatorBackpressure: Int?
    var runtimeEnv: ray.RuntimeEnvironment?
    /// Whether it runs in Python, and in which one if not the usual.
    var isPython = false
    var interpreter: String?

    /// These options, replaced by those that `later` gives.
    func merged(_ later: CallOptions) -> CallOptions {
        CallOptions(
            numCPUs: later.numCPUs ?? numCPUs, numGPUs: later.numGPUs ?? numGPUs,
            acceleratorType: later.acceleratorType ?? acceleratorType, memory: later.memory ?? memory,
            resources: later.resources ?? resources, name: later.name ?? name,
            retriesMax: later.retriesMax ?? retriesMax, strategy: later.strategy ?? strategy,
            retryExceptions: later.retryExceptions ?? retryExceptions,
            labelSelector: later.labelSelector ?? labelSelector,
            fallbackStrategy: later.fallbackStrategy ?? fallbackStrategy,
            generatorBackpressure: later.generatorBackpressure ?? generatorBackpressure,
            runtimeEnv: later.runtimeEnv ?? runtimeEnv, isPython: later.isPython || isPython,
            interpreter: later.interpreter ?? interpreter)
    }

    /// What is taken of a node's one `accelerator_type:…`: so little that it says where, and never that it is full.
    private static let acceleratorTypeAmount = 0.001

    /// The amounts asked for, with `cpus` where none are given.
    func resourceSet(defaultCPUs cpus: Double) throws(RayError) -> ResourceSet {
        var amounts = [(ResourceSet.cpu, numCPUs ?? cpus)]
        if let numGPUs {
            guard numGPUs <= 1 || numGPUs == numGPUs.rounded() else {
                throw RayError(.invalidArgument, "more than one GPU must be a whole number of them, not \(numGPUs)")
            }
            amounts.append((ResourceSet.gpu, numGPUs))
        }
        if let acceleratorType {
            guard !acceleratorType.isEmpty, acceleratorType.utf8.count <= Limits.nameBytesMax - 20 else {
                throw RayError(.invalidArgument, "acceleratorType must be a name like T4, not '\(acceleratorType)'")
            }
            amounts.append((ResourceSet.acceleratorType(acceleratorType), Self.acceleratorTypeAmount))
        }
        if let memory { amounts.append((ResourceSet.memory, Double(memory))) }
        for (name, amount) in (resources ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard name != ResourceSet.cpu, name != ResourceSet.gpu, name != ResourceSet.memory else {
                throw RayError(
                    .invalidArgument, "'\(name)' is not given in resources but in numCPUs, numGPUs or memory")
            }
            guard !name.isEmpty, name.utf8.count <= Limits.nameBytesMax else {
                throw RayError(.invalidArgument, "a resource's name must have 1 to \(Limits.nameBytesMax) bytes")
            }
            guard amount <= 1 || amount == amount.rounded() || Accelerator(resource: name) == nil else {
                throw RayError(.invalidArgument, "more than one \(name) must be a whole number of them, not \(amount)")
            }
            amounts.append((name, amount))
        }
        for (name, amount) in amounts where !(amount >= 0 && amount < 9e14) {
            throw RayError(.invalidArgument, "the amount of \(name) must be a number from 0 on, not \(amount)")
        }
        return ResourceSet(amounts)
    }

    /// Whether the place was left open, so that a placement group that captures children decides.
    var isPlaceOpen: Bool { strategy == nil && labelSelector?.isEmpty ?? true }

    /// The selectors in the order in which they count; none if any node will do.
    private func selectors() throws(RayError) -> [LabelSelector] {
        guard let labelSelector, !labelSelector.isEmpty else { return [] }
        let fallbacks = (fallbackStrategy ?? []).map(\.labelSelector)
        guard fallbacks.count < RayCore.SchedulingStrategy.selectorsMax else {
            throw RayError(
                .invalidArgument,
                "fallbackStrategy has \(fallbacks.count) entries; at most "
                    + "\(RayCore.SchedulingStrategy.selectorsMax - 1) are tried")
        }
        var selectors = [try LabelSelector(parsing: labelSelector)]
        for fallback in fallbacks { selectors.append(try LabelSelector(parsing: fallback)) }
        return selectors
    }

    /// The strategy for the runtime.
    func schedulingStrategy() throws(RayError) -> RayCore.SchedulingStrategy {
        let selectors = try selectors()
        if !selectors.isEmpty {
            switch strategy {
            case nil, .default: return .labelled(selectors, spread: false)
            case .spread: return .labelled(selectors, spread: true)
            case .nodeAffinity, .placementGroup:
                throw RayError(
                    .invalidArgument,
                    "a label selector goes with the strategies default and spread only; give a placement group's "
                        + "labels with its bundles")
            }
        }
        switch strategy {
        case nil, .default: return .hybrid
        case .spread: return .spread
        case .placementGroup(let group, let bundle, let capturesChildren):
            if let bundle, bundle < 0 {
                throw RayError(.invalidArgument, "bundleIndex must be 0 or more, or nil for any, not \(bundle)")
            }
            return .placementGroup(
                try group.identifier(), bundle: bundle, capturesChildren: capturesChildren)
        case .nodeAffinity(let text, let soft):
            guard let node = NodeID(hex: text) else {
                throw RayError(.invalidArgument, "'\(text)' is no node id; ray.nodes() lists them")
            }
            return .nodeAffinity(node, soft: soft)
        }
    }
}
