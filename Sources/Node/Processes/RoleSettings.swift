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

    /// The settings as text, a line each; line ends inside values are escaped.
    package var text: String {
        Self.joined(values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
    }

    /// Reads what `text` wrote.
    package init(text: String) {
        for line in Self.lines(of: text) {
            guard let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
            values[String(line[..<equals])] = String(line[line.utf8.index(after: equals)...])
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
            return Program(
                hash: "", path: path, byteCount: 0, arguments: Self.lines(of: self["program_arguments"] ?? ""),
                environment: Self.lines(of: self["program_environment"] ?? ""),
                workingDirectory: self["program_folder"] ?? "")
        }
        set {
            self["program"] = newValue?.path
            self["program_arguments"] = newValue.map { Self.joined($0.arguments) }
            self["program_environment"] = newValue.map { Self.joined($0.environment) }
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

    /// Texts as lines; what is no line end of this list is escaped.
    private static func joined(_ items: [String]) -> String {
        var bytes: [UInt8] = []
        for item in items {
            for byte in item.utf8 {
                switch byte {
                case UInt8(ascii: "\n"): bytes += "%n".utf8
                case UInt8(ascii: "%"): bytes += "%%".utf8
                default: bytes.append(byte)
                }
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What `joined` was given; the last line may lack its end.
    private static func lines(of text: String) -> [String] {
        var items: [String] = []
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "n") where isEscaped: bytes.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "\n"):
                items.append(String(decoding: bytes, as: UTF8.self))
                bytes = []
            case UInt8(ascii: "%") where !isEscaped:
                isEscaped = true
                continue
            default: bytes.append(byte)
            }
            isEscaped = false
        }
        return bytes.isEmpty ? items : items + [String(decoding: bytes, as: UTF8.self)]
    }
}
