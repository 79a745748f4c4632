//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import SwiftDiagnostics
package import SwiftSyntax
internal import SwiftSyntaxBuilder
package import SwiftSyntaxMacros

/// `@RemoteActor`: lets an actor or final class live in a process of its own.
///
/// Nests `Handle` (a method for each remote method), `Factory` (`remote(…)` for each initialiser) and the records
/// that a worker finds, and adds the conformance to `ray.RemoteActor`.
package struct RemoteActorMacro: MemberMacro, ExtensionMacro {
    package static func expansion(
        of node: AttributeSyntax, attachedTo declaration: some DeclGroupSyntax,
        providingExtensionsOf type: some TypeSyntaxProtocol, conformingTo protocols: [TypeSyntax],
        in context: some MacroExpansionContext
    ) throws -> [ExtensionDeclSyntax] {
        // The member expansion says what is wrong; saying it twice helps nobody.
        guard !protocols.isEmpty, (try? RemoteActorText(of: declaration, node: node, in: context)) != nil else {
            return []
        }
        let conformance: DeclSyntax = "extension \(type.trimmed): nonisolated Ray::ray.RemoteActor {}"
        return conformance.as(ExtensionDeclSyntax.self).map { [$0] } ?? []
    }

    package static func expansion(
        of node: AttributeSyntax, providingMembersOf declaration: some DeclGroupSyntax,
        conformingTo protocols: [TypeSyntax], in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] {
        try RemoteActorText(of: declaration, node: node, in: context).members(in: context)
    }
}

/// Reads a remote actor's declaration and writes what it needs.
struct RemoteActorText {
    private var name: String
    private var path: String
    private var access: Access
    private var isIsolated: Bool
    /// Whether synchronous calls may run on several threads: what is not isolated guards its own state.
    private var isThreadSafe: Bool
    private var isConcurrent: Bool
    private var placement: Placement
    /// The groups as they were written, and their names.
    private var groups: (text: String, names: [String])?
    private var methods: [(signature: RemoteSignature, access: String, needsAwait: Bool, group: String?)] = []
    private var initializers: [(signature: RemoteSignature, access: String, needsAwait: Bool)] = []

    init(of group: some DeclGroupSyntax, node: AttributeSyntax, in context: some MacroExpansionContext) throws {
        let isMainActor = group.attributes.contains(named: "MainActor")
        if let declaration = group.as(ActorDeclSyntax.self) {
            name = declaration.name.text
            isIsolated = true
            isThreadSafe = true
            if let generics = declaration.genericParameterClause { throw Refusal.genericType(name).at(generics) }
        } else if let declaration = group.as(ClassDeclSyntax.self) {
            name = declaration.name.text
            isIsolated = isMainActor
            isThreadSafe = declaration.inheritanceClause?.saysSendable ?? false
            if !declaration.modifiers.contains("final") { throw Refusal.notFinal(name).at(declaration.name) }
            if let generics = declaration.genericParameterClause { throw Refusal.genericType(name).at(generics) }
        } else {
            throw Refusal.notAClass.at(node)
        }
        access = Access(of: group.modifiers)
        isConcurrent = node.arguments?.trimmedDescription.contains("concurrent") ?? false
        groups = Self.groups(of: node)
        placement = Placement(of: group, in: context)
        path = (placement.typeNames + [name]).joined(separator: ".")
        switch placement.obstacle {
        case .localCode: throw Refusal.localType(name).at(node)
        case .genericContext: throw Refusal.genericContext(name).at(node)
        case .mainFile: throw Refusal.mainFile(name).at(node)
        case nil: break
        }
        try readMembers(of: group, isMainActor: isMainActor)
    }

    private mutating func readMembers(of group: some DeclGroupSyntax, isMainActor: Bool) throws {
        var hasInitializer = false
        for member in group.memberBlock.members {
            if let method = member.decl.as(FunctionDeclSyntax.self) {
                try read(method)
            } else if let initializer = member.decl.as(InitializerDeclSyntax.self) {
                if !initializer.modifiers.contains("convenience") { hasInitializer = true }
                try read(initializer, isMainActor: isMainActor)
            }
        }
        guard !hasInitializer else { return }
        // The initialiser that the compiler provides when all properties have defaults.
        let implicit = try RemoteSignature(
            name: "init",
            signature: FunctionSignatureSyntax(parameterClause: FunctionParameterClauseSyntax(parameters: [])),
            generics: nil, constraints: nil, attributes: [], selfName: nil)
        initializers.append((implicit, access.ofMembers == "" ? "" : "internal ", isMainActor))
    }

    private mutating func read(_ method: FunctionDeclSyntax) throws {
        let own = Access(of: method.modifiers)
        if own.isPrivate || method.modifiers.contains("static") || method.modifiers.contains("class") { return }
        if method.attributes.contains(named: "Local") { return }
        let signature = try RemoteSignature(
            name: method.name.text.filter { $0 != "`" }, signature: method.signature,
            generics: method.genericParameterClause, constraints: method.genericWhereClause,
            attributes: method.attributes, selfName: path)
        let isNonisolated = method.modifiers.contains { $0.name.text == "nonisolated" }
        let isMainActor = method.attributes.contains(named: "MainActor")
        methods.append(
            (
                signature, limited(own), signature.isAsync || isMainActor || (isIsolated && !isNonisolated),
                try concurrencyGroup(of: method)
            ))
    }

    /// The dictionary behind `groups:`; what is no literal cannot be looked into.
    private static func groups(of node: AttributeSyntax) -> (text: String, names: [String])? {
        guard let arguments = node.arguments?.as(LabeledExprListSyntax.self),
            let expression = arguments.first(where: { $0.label?.text == "groups" })?.expression
        else { return nil }
        let elements = expression.as(DictionaryExprSyntax.self)?.content.as(DictionaryElementListSyntax.self)
        return (expression.trimmedDescription, elements?.map { $0.key.trimmedDescription } ?? [])
    }

    private func concurrencyGroup(of method: FunctionDeclSyntax) throws -> String? {
        for case .attribute(let attribute) in method.attributes {
            guard attribute.attributeName.trimmedDescription.hasSuffix("ConcurrencyGroup"),
                let name = attribute.arguments?.as(LabeledExprListSyntax.self)?.first?.expression
            else { continue }
            let text = name.trimmedDescription
            guard groups?.names.contains(text) == true else {
                throw Refusal.unknownGroup(method.name.text, text).at(attribute)
            }
            return text
        }
        return nil
    }

    private mutating func read(_ initializer: InitializerDeclSyntax, isMainActor: Bool) throws {
        let own = Access(of: initializer.modifiers)
        if own.isPrivate || initializer.attributes.contains(named: "Local") { return }
        if let mark = initializer.optionalMark { throw Refusal.failableInitializer.at(mark) }
        let signature = try RemoteSignature(
            name: "init", signature: initializer.signature, generics: initializer.genericParameterClause,
            constraints: initializer.genericWhereClause, attributes: [], selfName: path)
        let isNonisolated = initializer.modifiers.contains("nonisolated")
        initializers.append((signature, limited(own), signature.isAsync || (isMainActor && !isNonisolated)))
    }

    /// A member's access, not above its type's.
    private func limited(_ own: Access) -> String {
        access.ofMembers.isEmpty ? "" : own.modifier
    }

    /// `Handle`, `Factory` and the records.
    func members(in context: some MacroExpansionContext) -> [DeclSyntax] {
        let record = context.makeUniqueName("\(name)Record").text
        return [handle(record), factory(record), records(record)]
    }

    private func handle(_ record: String) -> DeclSyntax {
        var overloads: [String] = []
        for (index, method) in methods.enumerated() {
            let text = CallText(signature: method.signature)
            overloads += text.overloads(
                named: method.signature.name.escapedAsName, access: method.access,
                returning: method.signature.referenceType,
                finish: text.finish("_ray.call(\(record)._rayDeclaration\(index), _rayArguments)"))
        }
        let members = access.ofMembers
        return """
            /// Calls the actor from any process; can be sent to others inside values.
            nonisolated \(raw: access.ofNestedTypes)struct Handle: Ray::ray.ActorHandle {
                \(raw: members)typealias RemoteType = \(raw: name)
                \(raw: members)let _ray: Ray::ray._ActorReference
                \(raw: members)init(_ray: Ray::ray._ActorReference) { self._ray = _ray }
                \(raw: members)init(from decoder: any Swift::Decoder) throws {
                    self.init(_ray: try Ray::ray._ActorReference(from: decoder))
                }
                \(raw: members)func encode(to encoder: any Swift::Encoder) throws { try _ray.encode(to: encoder) }
                \(raw: overloads.joined(separator: "\n"))
            }
            """
    }

    private func factory(_ record: String) -> DeclSyntax {
        var overloads: [String] = []
        for (index, initializer) in initializers.enumerated() {
            overloads += CallText(signature: initializer.signature).overloads(
                named: "remote", access: initializer.access, returning: "Handle",
                finish: "return Handle(_ray: _ray.create("
                    + "\(record)._rayDeclaration\(methods.count + index), _rayArguments))"
            )
            .map { $0.replacing("@discardableResult ", with: "") }
        }
        let members = access.ofMembers
        return """
            /// Creates the actor in a process of its own.
            nonisolated \(raw: access.ofNestedTypes)struct Factory: Ray::ray._ActorFactory {
                \(raw: members)static let _rayClass = Ray::ray._ActorClass(
                    name: "\(raw: path)", file: \(raw: placement.file), isConcurrent: \(raw: isConcurrent)\(raw: groups.map { ", groups: " + $0.text } ?? ""))
                \(raw: members)let _ray: Ray::ray._ActorCreation
                \(raw: members)init(_ray: Ray::ray._ActorCreation) { self._ray = _ray }
                \(raw: overloads.joined(separator: "\n"))
            }
            """
    }

    private func records(_ owner: String) -> DeclSyntax {
        var texts: [String] = []
        for (index, method) in methods.enumerated() {
            let entry = CallText(signature: method.signature).entry(
                callee: "_raySelf.\(method.signature.name)",
                prelude: ["let _raySelf: \(name) = try _rayInvocation.instance()"], needsAwait: method.needsAwait,
                isParallel: isThreadSafe)
            var record = text("method", method.signature, entry)
            record.group = method.group
            record.isGenerator = method.signature.isGenerator
            texts.append(record.members(owner: owner, index: index))
        }
        for (index, initializer) in initializers.enumerated() {
            let entry = CallText(signature: initializer.signature).creation(
                of: name, needsAwait: initializer.needsAwait)
            texts.append(
                text("initializer", initializer.signature, entry).members(owner: owner, index: methods.count + index))
        }
        return """
            nonisolated fileprivate enum \(raw: owner) {
                \(raw: texts.joined(separator: "\n"))
            }
            """
    }

    private func text(_ kind: String, _ signature: RemoteSignature, _ entry: String) -> RecordText {
        RecordText(
            kind: kind, className: path, function: signature.fullName + signature.typeList,
            parameterTypes: signature.parameters.map(\.type), returnCount: signature.returnCount,
            file: placement.file, line: placement.line,
            hash: signature.hash, entry: entry)
    }
}

extension InheritanceClauseSyntax {
    /// Whether `Sendable` is in the list, also unchecked or with its module.
    fileprivate var saysSendable: Bool {
        inheritedTypes.contains { inherited in
            var type = inherited.type
            if let attributed = type.as(AttributedTypeSyntax.self) { type = attributed.baseType }
            let text = type.trimmedDescription
            return text == "Sendable" || text.hasSuffix(".Sendable") || text.hasSuffix("::Sendable")
        }
    }
}
