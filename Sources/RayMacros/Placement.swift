//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import SwiftSyntax
internal import SwiftSyntaxMacros

/// Where a declaration stands: what is around it decides whether a worker can reach it.
struct Placement {
    /// Names of the types around it, outermost first.
    var typeNames: [String] = []
    /// Whether the nearest type around it is a remote actor.
    var isInRemoteActor = false
    /// The file as a literal `"Module/File.swift"`.
    var file: String
    /// The line as a literal.
    var line: String

    /// The types around it, joined by dots; empty at file scope.
    var className: String { typeNames.joined(separator: ".") }

    /// Why nothing remote can stand here.
    enum Obstacle {
        case localCode
        case genericContext
        case mainFile
    }

    /// The first obstacle, if any.
    private(set) var obstacle: Obstacle?

    init(of node: some SyntaxProtocol, in context: some MacroExpansionContext) {
        let location: AbstractSourceLocation? = context.location(of: node)
        file = location.map { $0.file.trimmedDescription } ?? "\"\""
        line = location.map { $0.line.trimmedDescription } ?? "0"
        for (index, scope) in context.lexicalContext.enumerated() {
            if let group = scope.asProtocol((any DeclGroupSyntax).self) {
                note(group, isNearest: index == 0)
            } else {
                obstacle = .localCode
            }
        }
        if obstacle == nil, file.hasSuffix("/main.swift\"") { obstacle = .mainFile }
    }

    private mutating func note(_ group: any DeclGroupSyntax, isNearest: Bool) {
        var generics: GenericParameterClauseSyntax?
        if let named = group.asProtocol((any NamedDeclSyntax).self) {
            typeNames.insert(named.name.text, at: 0)
            generics = group.asProtocol((any WithGenericParametersSyntax).self)?.genericParameterClause
        } else if let widened = group.as(ExtensionDeclSyntax.self) {
            typeNames.insert(widened.extendedType.trimmedDescription, at: 0)
        }
        if generics != nil, obstacle == nil { obstacle = .genericContext }
        if isNearest { isInRemoteActor = group.attributes.contains(named: "RemoteActor") }
    }
}

/// The access level of a declaration as the generated code repeats it.
struct Access {
    /// The modifier with a space behind it; nothing for the default.
    var modifier: String

    init(of modifiers: DeclModifierListSyntax) {
        let levels = ["private", "fileprivate", "internal", "package", "public", "open"]
        let level = modifiers.first { levels.contains($0.name.text) && $0.detail == nil }?.name.text
        modifier = level.map { ($0 == "open" ? "public" : $0) + " " } ?? ""
    }

    /// Whether code in other files cannot see it.
    var isPrivate: Bool { modifier == "private " || modifier == "fileprivate " }

    /// The modifier for members of a type with this access.
    var ofMembers: String { isPrivate ? "" : modifier }

    /// The modifier for types nested in a type with this access.
    var ofNestedTypes: String { isPrivate ? "fileprivate " : modifier }
}

extension DeclModifierListSyntax {
    /// Whether the modifier is in the list.
    func contains(_ text: String) -> Bool { contains { $0.name.text == text } }
}

extension Access {
    /// The modifier for the enums that hold records: nobody but the generated code names them.
    var ofRecords: String { isPrivate ? modifier : "fileprivate " }
}
