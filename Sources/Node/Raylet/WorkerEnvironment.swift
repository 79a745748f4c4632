//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayRaylet

/// The environment of worker processes.
struct WorkerEnvironment: Sendable {
    /// `NAME=value` for every worker; of one name the last one counts.
    private let base: [String]

    /// These variables for every worker.
    init(base: [String]) { self.base = base }

    /// The raylet's own environment, what the configuration adds, and what tells a worker where it is.
    init(_ configuration: RayletConfiguration, address: Address) {
        var variables = processEnvironment().filter {
            !$0.hasPrefix("SWIFT_RAY_") && !$0.hasPrefix("RAY_PARENT_DESCRIPTOR=")
        }
        variables += configuration.workerEnvironment
        variables += [
            "SWIFT_RAY_ROLE=worker",
            "SWIFT_RAY_SESSION_DIR=\(configuration.sessionDirectory)",
            "SWIFT_RAY_NODE_ID=\(configuration.nodeID.hex)",
            "SWIFT_RAY_RAYLET_SOCKET=\(address.socketPath)",
            "SWIFT_RAY_RAYLET_PORT=\(address.port)",
            "SWIFT_RAY_STORE_SOCKET=\(configuration.storeSocketPath)",
            "SWIFT_RAY_NODE_HOST=\(configuration.host)",
            "SWIFT_RAY_GCS_ADDRESS=\(configuration.gcsAddress)",
        ]
        if !configuration.gcsSocketPath.isEmpty {
            variables.append("SWIFT_RAY_GCS_SOCKET=\(configuration.gcsSocketPath)")
        }
        if !configuration.token.isEmpty { variables.append("RAY_AUTH_TOKEN=\(configuration.token)") }
        base = variables
    }

    /// The value of a variable, as workers have it.
    subscript(name: String) -> String? {
        base.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    /// The whole environment of a worker. What the program asks for cannot change where the worker belongs.
    func of(_ start: WorkerStart) -> [String] {
        let own = base.filter { $0.hasPrefix("SWIFT_RAY_") || $0.hasPrefix("RAY_AUTH_TOKEN=") }
        var result: [String] = []
        var positions: [Substring: Int] = [:]
        let variables = start.variables.map { "\($0.name)=\(expand($0.value))" }
        // What the core has said itself stands behind the program's variables, and an environment cannot change it.
        let core = start.environment.filter { $0.hasPrefix("SWIFT_RAY_") || $0.hasPrefix("CUDA_VISIBLE_DEVICES=") }
        for variable in base + start.environment + variables + core + own {
            guard let equals = variable.firstIndex(of: "="), equals != variable.startIndex else { continue }
            let name = variable[..<equals]
            if let position = positions[name] {
                result[position] = variable
            } else {
                positions[name] = result.count
                result.append(variable)
            }
        }
        return result
    }

    /// Puts the values of the node's variables in the place of `$NAME` and `${NAME}`, as Ray does: a name in braces
    /// that is not set counts as empty, one without stays as it is.
    private func expand(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            let isBraced = rest.first == "{"
            let name = (isBraced ? rest.dropFirst() : rest).prefix {
                $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_"
            }
            let isClosed = !isBraced || rest[name.endIndex...].first == "}"
            guard !name.isEmpty, isClosed, let value = self[String(name)] ?? (isBraced ? "" : nil) else {
                result += "$"
                continue
            }
            result += value
            rest = isBraced ? rest[name.endIndex...].dropFirst() : rest[name.endIndex...]
        }
        return result + rest
    }
}
