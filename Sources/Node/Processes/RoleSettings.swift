//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore

/// The settings of a role process, passed to it in one environment variable as `key=value` lines.
package struct RoleSettings: Sendable, Equatable {
    /// Names the role: `gcs_server`, `raylet` or `worker`.
    package static let roleVariable = "SWIFT_RAY_ROLE"
    package static let settingsVariable = "SWIFT_RAY_SETTINGS"
    /// The descriptor on which the process says that it is ready, or why it is not.
    package static let readyVariable = "SWIFT_RAY_READY_FD"

    package private(set) var values: [String: String] = [:]

    package init() {}

    package subscript(key: String) -> String? {
        get { values[key] }
        set { values[key] = newValue }
    }

    /// The settings as text; line ends inside values are refused by `encode` being their inverse only without them.
    package var text: String {
        values.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.escape($0.value))\n" }.joined()
    }

    /// Reads what `text` wrote.
    package init(text: String) {
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            values[String(line[..<equals])] = Self.unescape(String(line[line.index(after: equals)...]))
        }
    }

    /// The settings of this process, if it was started as a role.
    package static func ofThisProcess() -> (role: String, settings: RoleSettings)? {
        guard let role = environment(roleVariable), !role.isEmpty else { return nil }
        return (role, RoleSettings(text: environment(settingsVariable) ?? ""))
    }

    package func integer(_ key: String) -> Int? { self[key].flatMap { Int($0) } }
    package func port(_ key: String) -> UInt16? { self[key].flatMap { UInt16($0) } }

    /// Amounts by name, as `name:ten-thousandths` separated by commas.
    package var resources: ResourceSet {
        get {
            var set = ResourceSet()
            for item in (self["resources"] ?? "").split(separator: ",") {
                guard let colon = item.lastIndex(of: ":"), let units = Int64(item[item.index(after: colon)...])
                else { continue }
                set[String(item[..<colon])] = ResourceAmount(units: units)
            }
            return set
        }
        set { self["resources"] = newValue.entries.map { "\($0.name):\($0.amount.units)" }.joined(separator: ",") }
    }

    /// An executable that is used by its path.
    package var program: Program? {
        get {
            guard let path = self["program"], !path.isEmpty else { return nil }
            func list(_ key: String) -> [String] { (self[key] ?? "").split(separator: "\n").map(String.init) }
            return Program(
                hash: "", path: path, byteCount: 0, arguments: list("program_arguments"),
                environment: list("program_environment"), workingDirectory: self["program_folder"] ?? "")
        }
        set {
            self["program"] = newValue?.path
            self["program_arguments"] = newValue?.arguments.joined(separator: "\n")
            self["program_environment"] = newValue?.environment.joined(separator: "\n")
            self["program_folder"] = newValue?.workingDirectory
        }
    }

    /// Says `line` on the descriptor that the parent waits on, and closes it.
    package static func report(_ line: String) {
        guard let text = environment(readyVariable), let descriptor = Int32(text) else { return }
        var line = line.split(separator: "\n").joined(separator: " ") + "\n"
        line.withUTF8 { _ = write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        unsetenv(readyVariable)
    }

    private static func escape(_ value: String) -> String {
        String(value.flatMap { $0 == "\n" ? ["%", "n"] : $0 == "%" ? ["%", "%"] : [$0] })
    }

    private static func unescape(_ value: String) -> String {
        var result = ""
        var isEscaped = false
        for character in value {
            if isEscaped {
                result.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "%" {
                isEscaped = true
            } else {
                result.append(character)
            }
        }
        return result
    }
}
