//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayMacros
import SwiftDiagnostics
import SwiftParser
import SwiftSyntax
import SwiftSyntaxBuilder
import SwiftSyntaxMacroExpansion
import SwiftSyntaxMacros

/// What an expansion gave: the source with the macros expanded, and what the compiler would print.
struct Expansion {
    var text: String
    var messages: [String]

    /// Expands the project's macros in `source`, as if it stood in `file` of module `Demo`.
    init(_ source: String, file: String = "Demo.swift") {
        let tree = Parser.parse(source: source)
        let context = BasicMacroExpansionContext(
            sourceFiles: [tree: .init(moduleName: "Demo", fullFilePath: "/demo/\(file)")])
        let expanded = tree.expand(
            macroSpecs: [
                "Remote": MacroSpec(type: RemoteMacro.self),
                "RemoteActor": MacroSpec(type: RemoteActorMacro.self, conformances: ["ray.RemoteActor"]),
                "Local": MacroSpec(type: LocalMacro.self),
            ],
            contextGenerator: { node in
                BasicMacroExpansionContext(
                    sharingWith: context, lexicalContext: node.allMacroLexicalContexts())
            })
        text = expanded.description
        messages = context.diagnostics.map(\.message)
    }

    /// The lines that contain `part`, without indentation.
    func lines(with part: String) -> [String] {
        text.split(separator: "\n").filter { $0.contains(part) }.map { $0.drop { $0 == " " }.description }
    }
}
