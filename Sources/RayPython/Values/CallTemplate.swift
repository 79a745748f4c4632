//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

/// A call without its arguments, worked out once for all calls that differ in nothing else.
final class CallTemplate: Sendable {
    /// Results of one call.
    static let returnsMax = 10_000

    let call: Call

    /// Reads a description; see `swift_ray/raylet/core_worker.py`, which writes it.
    ///
    /// - Parameter parent: the environment of this process.
    /// - Throws: `invalidArgument`, naming the field.
    init(_ description: MessagePackValue, under parent: RuntimeEnvironmentSpec?) throws(RayError) {
        let returns = description["returns"]?.integer ?? 1
        guard (0...Self.returnsMax).contains(returns) else {
            throw RayError(.invalidArgument, "a call has 0 to \(Self.returnsMax) results, not \(returns)")
        }
        var call = Call(
            function: FunctionDescriptor(description["function"] ?? .nil), returnCount: returns,
            resources: try ResourceSet(description["resources"] ?? .nil),
            strategy: try SchedulingStrategy(description["strategy"] ?? .nil),
            retriesMax: description["max_retries"]?.integer ?? 0, name: description["name"]?.text ?? "")
        if let types = description["retry_exceptions"]?.elements {
            call.retryExceptions = .types(types.compactMap(\.text))
        }
        if let items = description["backpressure"]?.integer {
            call.shared.value.generator = GeneratorSpec(
                backpressure: items, actorBackpressure: description["actor_backpressure"]?.integer ?? 0,
                isGathered: description["gathered"]?.isTrue ?? false)
        }
        if let environment = description["environment"], environment != .nil {
            call.shared.value.environment = try RuntimeEnvironmentSpec(environment, under: parent)
        }
        call.shared.value.isTraced = description["traced"]?.isTrue ?? true
        call.shared.value.concurrencyGroup = description["concurrency_group"]?.text ?? ""
        self.call = call
    }
}

extension FunctionDescriptor {
    /// Reads `[module, class, function, hash]`, and a language behind them if it is not Python.
    init(_ value: MessagePackValue) {
        let parts = (value.elements ?? []).map { $0.text ?? "" }
        func part(_ index: Int) -> String { index < parts.count ? parts[index] : "" }
        let elements = value.elements ?? []
        let number = elements.count > 4 ? elements[4].integer.flatMap { UInt8(exactly: $0) } : nil
        self.init(
            language: number.flatMap { Language(rawValue: $0) } ?? .python, module: part(0), className: part(1),
            function: part(2), hash: part(3))
    }

    /// What the initialiser reads.
    var messagePack: MessagePackValue {
        let names: [MessagePackValue] = [.string(module), .string(className), .string(function), .string(hash)]
        return .array(language == .python ? names : names + [.int(Int64(language.rawValue))])
    }
}

extension ResourceSet {
    /// Reads a map of names and amounts.
    ///
    /// - Throws: `invalidArgument` for amounts that are negative or no numbers.
    init(_ value: MessagePackValue) throws(RayError) {
        self.init()
        for pair in value.pairs ?? [] {
            guard let name = pair.key.text, let amount = pair.value.number, amount >= 0, amount < 9e14 else {
                throw RayError(.invalidArgument, "an amount of a resource must be a number from 0 on: \(pair)")
            }
            self[name] = self[name] + ResourceAmount(amount)
        }
    }

    /// What the initialiser reads.
    var messagePack: MessagePackValue {
        .map(entries.map { .init(.string($0.name), .double($0.amount.value)) })
    }
}

extension SchedulingStrategy {
    /// Reads nil, or an array that begins with the strategy's name.
    ///
    /// - Throws: `invalidArgument` for another one.
    init(_ value: MessagePackValue) throws(RayError) {
        let parts = value.elements ?? []
        switch parts.first?.text {
        case nil: self = .hybrid
        case "spread": self = .spread
        case "node" where parts.count == 4:
            guard let node = parts[1].text.flatMap({ NodeID(hex: $0) }) else {
                throw RayError(.invalidArgument, "\(parts[1]) is no id of a node")
            }
            self = .nodeAffinity(node, soft: parts[2].isTrue, waits: parts[3].isTrue)
        case "group" where parts.count == 4:
            guard let group = parts[1].data.flatMap({ PlacementGroupID($0) }) else {
                throw RayError(.invalidArgument, "\(parts[1]) is no id of a placement group")
            }
            let bundle = parts[2].integer ?? -1
            self = .placementGroup(group, bundle: bundle < 0 ? nil : bundle, capturesChildren: parts[3].isTrue)
        case "labels" where parts.count == 3:
            var selectors: [LabelSelector] = []
            for selector in parts[1].elements ?? [] {
                selectors.append(try LabelSelector(parts: selector.elements ?? []))
            }
            guard (1...Self.selectorsMax).contains(selectors.count) else {
                throw RayError(
                    .invalidArgument,
                    "a label selector with \(selectors.count - 1) fallbacks is too long; give at most "
                        + "\(Self.selectorsMax - 1)")
            }
            self = .labelled(selectors, spread: parts[2].isTrue)
        default: throw RayError(.invalidArgument, "unknown scheduling strategy \(value)")
        }
    }
}

extension LabelSelector {
    /// Reads what must hold together: parts of conditions in Ray's notation, keys that must be there, and keys that
    /// must not.
    ///
    /// - Throws: `invalidArgument` that names the key or value that cannot be read.
    fileprivate init(parts: [MessagePackValue]) throws(RayError) {
        var conditions: [Condition] = []
        for part in parts.map({ $0.elements ?? [] }) where part.count == 3 {
            conditions += try LabelSelector(part[0]).conditions
            for (keys, isNegated) in [(part[1], false), (part[2], true)] {
                for key in (keys.elements ?? []).compactMap(\.text) {
                    if let flaw = LabelSelector.flaw(ofKey: key) { throw RayError(.invalidArgument, flaw) }
                    conditions.append(Condition(key: key, values: [], isNegated: isNegated))
                }
            }
        }
        self.init(conditions)
    }
}
