//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore

/// The secret that every process of a cluster must show, found where Ray looks for it.
package struct AuthenticationToken: Sendable, Equatable {
    /// The secret; empty means that the cluster asks for none.
    package var value: String
    /// Where it was found, for messages.
    package var source: String

    package init(value: String, source: String) {
        self.value = value
        self.source = source
    }

    /// No token.
    package static let open = AuthenticationToken(value: "", source: "RAY_AUTH_MODE=disabled")

    /// Looks in `RAY_AUTH_TOKEN`, the file of `RAY_AUTH_TOKEN_PATH`, and `~/.ray/auth_token`.
    package static func find() throws(RayError) -> AuthenticationToken? {
        if let value = environment("RAY_AUTH_TOKEN"), !value.isEmpty {
            return AuthenticationToken(value: value, source: "RAY_AUTH_TOKEN")
        }
        if let path = environment("RAY_AUTH_TOKEN_PATH"), !path.isEmpty {
            guard let text = readFile(path).map(trimmed), !text.isEmpty else {
                throw RayError(
                    .authenticationFailed, "RAY_AUTH_TOKEN_PATH names \(path), which cannot be read or is empty")
            }
            return AuthenticationToken(value: text, source: "RAY_AUTH_TOKEN_PATH (\(path))")
        }
        let path = homeFile()
        guard let text = readFile(path).map(trimmed), !text.isEmpty else { return nil }
        return AuthenticationToken(value: text, source: path)
    }

    /// Whether `RAY_AUTH_MODE` turns tokens off; nothing if it is unset.
    package static func isDisabledByMode() throws(RayError) -> Bool? {
        switch environment("RAY_AUTH_MODE")?.lowercased() {
        case nil, "": return nil
        case "disabled": return true
        case "token": return false
        case let other?:
            throw RayError(.invalidArgument, "RAY_AUTH_MODE is '\(other)'; it must be 'token' or 'disabled'")
        }
    }

    /// A fresh secret of 256 random bits.
    package static func generate() -> AuthenticationToken {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return AuthenticationToken(value: bytes.hex, source: "generated")
    }

    /// For a head started by hand: the token found, else a generated one kept in `~/.ray/auth_token`.
    package static func forHead() throws(RayError) -> AuthenticationToken {
        let isDisabled = try isDisabledByMode()
        if isDisabled == true { return .open }
        let isKubeRay = environment("RAY_USAGE_STATS_KUBERAY_IN_USE") == "1"
        if isDisabled == nil, isKubeRay { return try find() ?? .open }
        if let found = try find() { return found }
        let path = homeFile()
        if let slash = path.lastIndex(of: "/") { mkdir(String(path[..<slash]), 0o700) }
        let fresh = generate()
        guard writeFile(path, fresh.value + "\n") else {
            throw RayError(
                .authenticationFailed,
                "no token was found and none can be kept in \(path); set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH")
        }
        return AuthenticationToken(value: fresh.value, source: path)
    }

    /// For those who join a cluster: the token found; none if there is none or tokens are off.
    package static func forJoining() throws(RayError) -> AuthenticationToken {
        if try isDisabledByMode() == true { return .open }
        return try find() ?? AuthenticationToken(value: "", source: "nowhere")
    }

    private static func homeFile() -> String { (environment("HOME") ?? "/root") + "/.ray/auth_token" }

    private static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
