//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
package import RayRaylet
internal import RayWorker

/// The environment of worker processes.
package struct WorkerEnvironment: Sendable {
    /// `NAME=value` for every worker; of one name the last one counts.
    private let base: [String]

    /// These variables for every worker.
    package init(base: [String]) { self.base = base }

    /// The raylet's own environment, what the configuration adds, and what tells a worker where it is.
    init(_ configuration: RayletConfiguration, address: Address) {
        let own = processEnvironment()
        // Ray's Python has head and raylets use another allocator, and says whether workers are to have it, too.
        let keepsPreload = !own.contains("RAY_LD_PRELOAD_ON_WORKERS=0")
        var variables = own.filter {
            !$0.hasPrefix("SWIFT_RAY_") && !$0.hasPrefix("RAY_PARENT_DESCRIPTOR=")
                && (keepsPreload || !$0.hasPrefix("LD_PRELOAD="))
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
    package func of(_ start: WorkerStart) -> [String] {
        let own = base.filter { $0.hasPrefix("SWIFT_RAY_") || $0.hasPrefix("RAY_AUTH_TOKEN=") }
        var result = Variables()
        // What the core has said itself stands behind the program's variables, and an environment cannot change it.
        let core = start.environment.filter { $0.hasPrefix("SWIFT_RAY_") }
        for variable in base + start.environment { result.set(variable) }
        for variable in start.variables { result[variable.name] = expand(variable.value) }
        for variable in core + own { result.set(variable) }
        // Of a crash in C, Python tells where it was in Python; a report on Swift's frames after that hides it.
        if start.program.isPython, result["SWIFT_BACKTRACE"] == nil { result["SWIFT_BACKTRACE"] = "enable=no" }
        Self.showAccelerators(&result)
        return result.list
    }

    /// Names the accelerators of a worker, and lets their libraries see only these, as Ray does: a worker without devices
    /// of a kind finds the variable as the node has it, unless it is to be empty then. Programs that do so themselves, task
    /// by task, are left to it.
    private static func showAccelerators(_ variables: inout Variables) {
        let ids = (variables["SWIFT_RAY_ACCELERATOR_IDS"] ?? "").split(separator: ",").compactMap { AcceleratorID($0) }
        var names: [AssignedAccelerators.Name] = []
        for kind in Accelerator.allCases {
            let numbers = ids.filter { $0.kind == kind }.map(\.number)
            let visible = variables[kind.variable].map { VisibleDevices($0) }
            let own = numbers.isEmpty ? [] : VisibleDevices.names(of: numbers, in: visible)
            names += own.map { AssignedAccelerators.Name(kind, $0) }
            guard !variables.isTrue("SWIFT_RAY_ACCELERATORS_PER_TASK"), !variables.isTrue(kind.handsOffVariable),
                !numbers.isEmpty || variables.isTrue("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO")
            else { continue }
            variables[kind.variable] = own.joined(separator: ",")
        }
        if !ids.isEmpty {
            variables["SWIFT_RAY_ACCELERATOR_NAMES"] = names.map(\.description).joined(separator: ",")
        }
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

/// Environment variables in the order in which they came; of one name the last value counts.
private struct Variables {
    private(set) var list: [String] = []
    private var positions: [String: Int] = [:]

    subscript(name: String) -> String? {
        get { positions[name].map { String(Substring(list[$0].utf8.dropFirst(name.utf8.count + 1))) } }
        set {
            guard let newValue else { return }
            if let position = positions[name] {
                list[position] = "\(name)=\(newValue)"
            } else {
                positions[name] = list.count
                list.append("\(name)=\(newValue)")
            }
        }
    }

    /// Takes `NAME=value`; anything else is left out.
    mutating func set(_ variable: String) {
        guard let equals = variable.firstIndex(of: "="), equals != variable.startIndex else { return }
        self[String(variable[..<equals])] = String(variable[variable.index(after: equals)...])
    }

    /// Whether a variable is `1` or `true`, as Ray reads it.
    func isTrue(_ name: String) -> Bool { ["1", "true"].contains((self[name] ?? "").lowercased()) }
}
