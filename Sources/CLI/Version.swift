//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser

/// Which version this is, and which of Ray's it behaves like.
package enum Version {
    package static let own = "0.1.0"
    /// The version of Ray whose command lines, variables and messages to users are followed.
    package static let ray = "2.60.0"
    /// What `ray --version` prints.
    package static let sentence = "ray, version \(own); Ray-compatible with \(ray)"
}

/// `ray version`: prints the version.
package struct VersionCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version of this program and of the Ray that it follows.")

    package init() {}

    package func run() { print(Version.sentence) }
}
