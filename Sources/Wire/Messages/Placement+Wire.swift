//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

extension LabelSelector: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(list: conditions) { writer, condition in
            writer.write(condition.key)
            writer.write(list: condition.values) { $0.write($1) }
            writer.write(condition.isNegated)
        }
    }

    package init(from reader: inout WireReader) throws(WireError) {
        let conditions = try reader.list { (reader: inout WireReader) throws(WireError) in
            Condition(
                key: try reader.string(),
                values: try reader.list { (reader: inout WireReader) throws(WireError) in try reader.string() },
                isNegated: try reader.bool())
        }
        guard conditions.count <= Self.countMax, conditions.allSatisfy({ $0.values.count <= Self.countMax }) else {
            throw .limitExceeded("conditions of a label selector", conditions.count)
        }
        self.init(conditions)
    }
}

extension Bundle: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(resources)
        writer.write(labels)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(try reader.value(), labels: try reader.value())
    }
}

extension PlacementGroupSpec: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(record: { writer in
            writer.write(id)
            writer.write(name)
            writer.write(namespace)
            writer.write(strategy.rawValue)
            writer.write(list: bundles)
            writer.write(isDetached)
            if let softTarget { writer.write(softTarget) }
        })
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self = try reader.record { (reader: inout WireReader) throws(WireError) in
            let id: PlacementGroupID = try reader.identifier()
            let name = try reader.string()
            let namespace = try reader.string()
            let number = try reader.uint8()
            guard let strategy = PlacementStrategy(rawValue: number) else {
                throw .unknownCase("PlacementStrategy", Int(number))
            }
            let bundles: [Bundle] = try reader.values()
            guard bundles.count <= PlacementGroupSpec.bundlesMax else {
                throw .limitExceeded("bundles of a placement group", bundles.count)
            }
            return PlacementGroupSpec(
                id: id, name: name, namespace: namespace, strategy: strategy, bundles: bundles,
                isDetached: try reader.bool(),
                softTarget: try reader.added(nil) { (reader: inout WireReader) throws(WireError) in
                    try reader.identifier()
                })
        }
    }
}

extension BundleKey: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(group)
        writer.write(number)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(group: try reader.identifier(), number: try reader.int())
    }
}

extension PlacementGroupState: WireCodable {
    package func encode(into writer: inout WireWriter) {
        writer.write(record: { writer in
            writer.write(spec)
            writer.write(phase.rawValue)
            writer.write(list: nodes)
            writer.write(reason)
        })
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self = try reader.record { (reader: inout WireReader) throws(WireError) in
            let spec: PlacementGroupSpec = try reader.value()
            let number = try reader.uint8()
            guard let phase = Phase(rawValue: number) else {
                throw .unknownCase("PlacementGroupState.Phase", Int(number))
            }
            return PlacementGroupState(
                spec: spec, phase: phase, nodes: try reader.identifiers(), reason: try reader.string())
        }
    }
}
