//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Foundation
internal import RayCore
package import RayNode

/// The processes of a node as Ray's own Python starts them: this program under the name `gcs_server` or `raylet`, with
/// Ray's flags. They become the settings of the role, and the program starts again as that role with the same
/// arguments: Ray's tools find a raylet by its command line.
package struct RayFlags: Sendable {
    /// The role's name.
    package let role: String
    /// What the flags say, in the role's words.
    package private(set) var settings = RoleSettings()
    /// Files for what the process prints; empty for none.
    package let outputPath: String
    package let errorPath: String

    /// Reads a command line; nothing if the program was called by another name.
    ///
    /// - Throws: `UsageError` naming the flag that is missing or makes no sense.
    package init?(_ arguments: [String]) throws {
        let name = arguments.first?.split(separator: "/").last.map(String.init) ?? ""
        guard ["gcs_server", "raylet"].contains(name) else { return nil }
        role = name
        var flags = Flags(arguments.dropFirst())
        outputPath = flags["stdout_filepath"] ?? ""
        errorPath = flags["stderr_filepath"] ?? ""
        settings["session"] = try flags.required("session_dir")
        settings["host"] = flags["node_ip_address"] ?? "127.0.0.1"
        settings["notes_itself"] = "1"
        let token = try AuthenticationToken.forJoining()
        settings["token"] = token.value
        settings["token_source"] = token.source
        if name == "raylet" { try raylet(&flags) } else { try gcs(&flags) }
    }

    private mutating func gcs(_ flags: inout Flags) throws {
        settings["port"] = flags["gcs_server_port"] ?? "0"
        settings["port_file"] =
            try flags.required("session_dir") + "/gcs_server_port_" + flags.required("node_id")
    }

    private mutating func raylet(_ flags: inout Flags) throws {
        let address = try flags.required("gcs_address")
        guard let colon = address.lastIndex(of: ":") else {
            throw UsageError("--gcs-address is '\(address)', not host:port")
        }
        let node = try flags.required("node_id")
        settings["node"] = node
        settings["gcs_host"] = String(address[..<colon])
        settings["gcs_port"] = String(address[address.index(after: colon)...])
        // On the head's own machine, and in its folder; from elsewhere the head is reached by its address.
        let socket = try flags.required("session_dir") + "/links/gcs.sock"
        if FileManager.default.fileExists(atPath: socket) { settings["gcs_socket"] = socket }
        settings["name"] = flags["node_name"] ?? flags["node_ip_address"]
        settings["port"] = flags["node_manager_port"] ?? "0"
        settings["head"] = flags.isSet("head") ? "1" : "0"
        let store = try flags.required("object_store_memory")
        settings["store"] = store
        settings.resources = try Self.resources(flags["static_resource_list"] ?? "", store: store)
        settings["labels"] = try Self.labels(flags["labels"] ?? "{}")
        settings.program = Self.expectedProgram(environment(Self.programVariable))
    }

    /// What workers of the node will run, as the driver knows that starts it for itself: a JSON object.
    private static let programVariable = "SWIFT_RAY_EXPECTED_PROGRAM"

    /// Nothing for a text that cannot be read: then the first worker loads its program.
    private static func expectedProgram(_ text: String?) -> Program? {
        struct Fields: Decodable {
            var python: String
            var arguments: [String]
            var environment: [String]
            var folder: String
        }
        guard let text, let fields = try? JSONDecoder().decode(Fields.self, from: Data(text.utf8)) else { return nil }
        return Program(
            hash: "", path: fields.python, byteCount: 0, arguments: fields.arguments,
            environment: fields.environment, workingDirectory: fields.folder)
    }

    /// Reads `CPU,2.0,memory,1024`.
    private static func resources(_ text: String, store: String) throws -> ResourceSet {
        var set = ResourceSet()
        let parts = text.split(separator: ",").map(String.init)
        for index in stride(from: 0, to: parts.count - 1, by: 2) {
            guard let amount = Double(parts[index + 1]), amount >= 0 else {
                throw UsageError("--static_resource_list gives '\(parts[index + 1])' of \(parts[index])")
            }
            set[parts[index]] = ResourceAmount(amount)
        }
        if set[ResourceSet.objectStoreMemory] == .zero, let bytes = Double(store) {
            set[ResourceSet.objectStoreMemory] = ResourceAmount(bytes)
        }
        return set
    }

    /// Reads a JSON object of texts; what a node knows of itself is added.
    private static func labels(_ text: String) throws -> String {
        guard let given = try? JSONDecoder().decode([String: String].self, from: Data(text.utf8)) else {
            throw UsageError("--labels is '\(text)', not a JSON object of texts")
        }
        return DefaultLabels.detect().merging(given) { _, given in given }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }

    /// Becomes the role.
    package func start(_ arguments: [String]) -> Never {
        Self.redirect(STDOUT_FILENO, to: outputPath)
        Self.redirect(STDERR_FILENO, to: errorPath)
        setenv(RoleSettings.roleVariable, role, 1)
        setenv(RoleSettings.settingsVariable, settings.text, 1)
        let words = arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", words)
        printError("\(role): cannot start: \(String(cString: strerror(errno)))")
        exit(1)
    }

    private static func redirect(_ descriptor: Int32, to path: String) {
        guard !path.isEmpty else { return }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        dup2(file, descriptor)
        close(file)
    }
}

/// Flags as gflags takes them: `--name=value`, `--name value`, `--name`; `-` and `_` are the same.
private struct Flags {
    private var values: [String: String] = [:]

    init(_ arguments: ArraySlice<String>) {
        var pending: String?
        for argument in arguments {
            guard argument.hasPrefix("--") else {
                if let name = pending { values[name] = argument }
                pending = nil
                continue
            }
            let text = argument.dropFirst(2)
            let name = text.prefix { $0 != "=" }.map { $0 == "-" ? "_" : $0 }
            let isGiven = name.count < text.count
            values[String(name)] = isGiven ? String(text.dropFirst(name.count + 1)) : ""
            pending = isGiven ? nil : String(name)
        }
    }

    subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    func isSet(_ name: String) -> Bool { values[name].map { $0 != "false" } ?? false }

    func required(_ name: String) throws -> String {
        guard let value = self[name] else { throw UsageError("--\(name) is missing") }
        return value
    }
}
