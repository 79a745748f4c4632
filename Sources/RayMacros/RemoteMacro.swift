//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import SwiftDiagnostics
package import SwiftSyntax
internal import SwiftSyntaxBuilder
package import SwiftSyntaxMacros

/// `@Remote`: makes a function callable in other processes through `ray.remote`.
///
/// Beside `func f` it emits a struct whose `callAsFunction` has the labels and defaults of `f`, an enum with the
/// record that a worker finds, and the overload `f(_: ray.Lookup)` that `ray.remote(f)` picks.
package struct RemoteMacro: PeerMacro {
    package static func expansion(
        of node: AttributeSyntax, providingPeersOf declaration: some DeclSyntaxProtocol,
        in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] {
        guard let function = declaration.as(FunctionDeclSyntax.self) else { throw Refusal.notAFunction.at(node) }
        let name = function.name.text.filter { $0 != "`" }
        let placement = Placement(of: function, in: context)
        switch placement.obstacle {
        case .localCode: throw Refusal.localFunction(name).at(function.name)
        case .genericContext: throw Refusal.genericContext(name).at(function.name)
        case .mainFile: throw Refusal.mainFile(name).at(function.name)
        case nil: break
        }
        let isStatic = function.modifiers.contains("static") || function.modifiers.contains("class")
        if !placement.typeNames.isEmpty, !isStatic {
            // Inside a remote actor every method is remote anyway.
            if placement.isInRemoteActor { return [] }
            throw Refusal.instanceMethod(name).at(function.name)
        }
        let signature = try RemoteSignature(
            name: name, signature: function.signature, generics: function.genericParameterClause,
            constraints: function.genericWhereClause, attributes: function.attributes,
            selfName: placement.typeNames.isEmpty ? nil : placement.className)
        let access = Access(of: function.modifiers)
        // The compiler makes names unique by the function's name, so overloads need more.
        let stem = name.filter { $0.isLetter || $0.isNumber || $0 == "_" } + "_" + signature.hash
        let caller = context.makeUniqueName("\(stem)Call").text
        let record = context.makeUniqueName("\(stem)Record").text
        return [
            callerDeclaration(signature, named: caller, record: record, access: access),
            recordDeclaration(signature, function: function, placement: placement, named: record, access: access),
            """
            \(raw: access.modifier)nonisolated \(raw: isStatic ? "static " : "")func \(function.name.trimmed)(
                _: Ray::ray.Lookup
            ) -> \(raw: caller) {
                \(raw: caller)(_ray: Ray::ray._FunctionReference(\(raw: record)._rayDeclaration0))
            }
            """,
        ]
    }

    private static func callerDeclaration(
        _ signature: RemoteSignature, named caller: String, record: String, access: Access
    ) -> DeclSyntax {
        let text = CallText(signature: signature)
        let overloads = text.overloads(
            named: "callAsFunction", access: access.ofMembers, returning: signature.referenceType,
            finish: text.finish("_ray.submit(_rayArguments)"))
        return """
            nonisolated \(raw: access.modifier)struct \(raw: caller): Ray::ray._RemoteFunction {
                \(raw: access.ofMembers)let _ray: Ray::ray._FunctionReference
                \(raw: access.ofMembers)init(_ray: Ray::ray._FunctionReference) { self._ray = _ray }
                \(raw: overloads.joined(separator: "\n"))
            }
            """
    }

    private static func recordDeclaration(
        _ signature: RemoteSignature, function: FunctionDeclSyntax, placement: Placement, named record: String,
        access: Access
    ) -> DeclSyntax {
        let needsAwait = signature.isAsync || function.attributes.contains(named: "MainActor")
        var text = RecordText(
            kind: "function", className: placement.className, function: signature.fullName + signature.typeList,
            parameterTypes: signature.parameters.map(\.type),
            returnCount: signature.returnCount, file: placement.file, line: placement.line,
            hash: signature.hash,
            entry: CallText(signature: signature).entry(callee: function.name.text, needsAwait: needsAwait))
        text.isGenerator = signature.isGenerator
        return """
            nonisolated \(raw: access.ofRecords)enum \(raw: record) {
                \(raw: text.members(owner: record, index: 0))
            }
            """
    }
}

/// `@Local`: a member of a remote actor that callers in other processes do not see.
package struct LocalMacro: PeerMacro {
    package static func expansion(
        of node: AttributeSyntax, providingPeersOf declaration: some DeclSyntaxProtocol,
        in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] { [] }
}
