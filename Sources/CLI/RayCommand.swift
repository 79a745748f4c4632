//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import Foundation
internal import RayCore

/// The `ray` program: the user's commands. The processes of a node are this program too, see `RoleSettings`.
package struct RayCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "ray",
        abstract: "Start, inspect and stop a Ray cluster.",
        version: Version.sentence,
        subcommands: [
            StartCommand.self, StopCommand.self, StatusCommand.self, HealthCheckCommand.self, VersionCommand.self,
            SimulateCommand.self, DrainNodeCommand.self, ExplainCommand.self, ListCommand.self,
            GetCommand.self, SummaryCommand.self, TimelineCommand.self, MemoryCommand.self,
        ])

    package init() {}

    /// Runs the command given. A process of a node never gets here: it took its role before `main`.
    package static func main() {
        do {
            if let flags = try RayFlags(CommandLine.arguments) { flags.start(CommandLine.arguments) }
            try check(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot()
            try command.run()
        } catch {
            let failure = CommandFailure(error)
            if failure.exitCode == 0, !failure.text.isEmpty { print(failure.text) } else { printError(failure.text) }
            Foundation.exit(failure.exitCode)
        }
    }
}

extension RayCommand {
    /// Refuses a command that there is not, which the parser would take for an argument.
    package static func check(_ words: [String]) throws(UsageError) {
        func names(_ command: any ParsableCommand.Type) -> [String] {
            command.configuration.subcommands.compactMap { $0.configuration.commandName }
        }
        try CommandNames.check(words.first, of: "ray", names(Self.self))
        for command in configuration.subcommands where command.configuration.commandName == words.first {
            guard let name = words.first, !names(command).isEmpty else { continue }
            try CommandNames.check(words.dropFirst().first, of: "ray \(name)", names(command))
        }
    }
}

/// What a command prints and returns to the shell when it does not run to its end.
package struct CommandFailure: Sendable, Equatable {
    /// Without a final line break.
    package var text: String
    /// 0 for help, 1 for a failure, 2 for wrong usage.
    package var exitCode: Int32

    /// Words and code for whatever a command has thrown.
    package init(_ error: any Error) {
        switch error {
        case let error as RayError:
            self.init(text: "Error: \(error.message)", exitCode: 1)
        case let error as UsageError:
            self.init(text: "Error: \(error.message)", exitCode: 2)
        case let code as ExitCode:
            self.init(text: "", exitCode: code.rawValue)
        default:
            let isHelp = RayCommand.exitCode(for: error).isSuccess
            self.init(text: RayCommand.fullMessage(for: error), exitCode: isHelp ? 0 : 2)
        }
    }

    private init(text: String, exitCode: Int32) {
        self.text = text
        self.exitCode = exitCode
    }
}

/// The command line asks for something that does not make sense.
package struct UsageError: Error, Equatable {
    /// What is wrong and what to give instead.
    package var message: String

    package init(_ message: String) { self.message = message }
}

/// Writes a line to standard output at once, also where that is a file or a pipe.
package func printLine(_ text: String) {
    print(text)
    fflush(nil)
}

/// Writes a line to standard error; an empty text writes nothing.
package func printError(_ text: String) {
    guard !text.isEmpty else { return }
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
