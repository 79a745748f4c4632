//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
internal import SwiftDiagnostics
internal import SwiftSyntax

/// One parameter of a remote function as the generated code needs it.
struct RemoteParameter {
    /// How the parameter is written before its colon: `_ x`, `by d`, `start`.
    var spelling: String
    /// The name inside the function.
    var name: String
    /// What stands before the argument in a call: `by: `, or nothing.
    var argumentLabel: String
    /// The label in the function's full name: `by` or `_`.
    var nameLabel: String
    var type: String
    var defaultValue: String?
}

/// What a function or initialiser looks like from outside, after all refusals have been checked.
struct RemoteSignature {
    /// What a call does with the returned value.
    enum Result {
        case void
        case single(String)
        /// A generator: the type of its items, and whether reading them can throw.
        case stream(String, throws: Bool)
        /// Labels (empty for none) and types of a tuple's elements.
        case tuple([(label: String, type: String)])
    }

    var name: String
    var parameters: [RemoteParameter]
    var result: Result
    var isAsync: Bool
    var throwsErrors: Bool
    var isDiscardable: Bool

    /// Reads a signature.
    ///
    /// - Parameter selfName: what `Self` stands for, since generated code sits in other types.
    /// - Throws: a `Diagnostic` wrapped in `DiagnosticsError` for what cannot be remote.
    init(
        name: String, signature: FunctionSignatureSyntax, generics: GenericParameterClauseSyntax?,
        constraints: GenericWhereClauseSyntax?, attributes: AttributeListSyntax, selfName: String?
    ) throws {
        self.name = name
        if let generics { throw Refusal.generic(name).at(generics) }
        if let constraints { throw Refusal.generic(name).at(constraints) }
        parameters = try signature.parameterClause.parameters.enumerated().map { index, parameter in
            try Self.read(parameter, index: index, function: name, selfName: selfName)
        }
        let effects = signature.effectSpecifiers
        isAsync = effects?.asyncSpecifier != nil
        throwsErrors = effects?.throwsClause != nil
        if let clause = effects?.throwsClause, clause.throwsSpecifier.tokenKind == .keyword(.rethrows) {
            throw Refusal.rethrowing(name).at(clause)
        }
        result = try Self.read(signature.returnClause?.type, function: name, selfName: selfName)
        isDiscardable = attributes.contains(named: "discardableResult")
        if case .void = result { isDiscardable = true }
    }

    /// `name(label:label:)`.
    var fullName: String {
        name + "(" + parameters.map { $0.nameLabel + ":" }.joined() + ")"
    }

    /// The parameters' types, as they appear in the function's descriptor.
    var typeList: String { "(" + parameters.map(\.type).joined(separator: ", ") + ")" }

    /// Tells two versions of one function apart.
    var hash: String { (fullName + typeList + " -> " + referenceType).signatureHash }

    /// How many objects a call makes.
    var returnCount: Int {
        if case .tuple(let elements) = result { elements.count } else { 1 }
    }

    /// What a call returns: one reference, or a tuple of them.
    var referenceType: String {
        switch result {
        case .void: "Ray::ObjectRef<Swift::Void>"
        case .single(let type): "Ray::ObjectRef<\(type)>"
        case .stream(let type, _): "Ray::ObjectRefStream<\(type)>"
        case .tuple(let elements):
            "("
                + elements.map { ($0.label.isEmpty ? "" : $0.label + ": ") + "Ray::ObjectRef<\($0.type)>" }
                .joined(separator: ", ") + ")"
        }
    }

    private static func read(
        _ parameter: FunctionParameterSyntax, index: Int, function: String, selfName: String?
    ) throws -> RemoteParameter {
        let label = parameter.firstName.text
        let inner = parameter.secondName?.text
        let shown = inner ?? label
        if parameter.ellipsis != nil { throw Refusal.variadic(function, shown).at(parameter) }
        let type = try checked(parameter.type, parameter: shown, function: function)
        // A parameter without a name of its own needs one, since the generated code passes it on.
        let name = shown == "_" ? "_rayParameter\(index)" : shown
        let spelling =
            label == "_" ? "_ \(name)" : (inner == nil ? label : "\(label) \(name)")
        return RemoteParameter(
            spelling: spelling, name: name.escapedAsName, argumentLabel: label == "_" ? "" : "\(label): ",
            nameLabel: label, type: type.spelled(selfName: selfName),
            defaultValue: parameter.defaultValue?.value.trimmedDescription)
    }

    /// The type without its specifiers.
    private static func checked(_ type: TypeSyntax, parameter: String, function: String) throws -> TypeSyntax {
        var base = type
        if let attributed = type.as(AttributedTypeSyntax.self) {
            for specifier in attributed.specifiers {
                let text = specifier.trimmedDescription
                switch text {
                case "inout": throw Refusal.inoutParameter(function, parameter).at(type)
                case "borrowing", "consuming", "__owned", "__shared":
                    throw Refusal.noncopyable(function, parameter, text).at(type)
                case "isolated": throw Refusal.isolatedParameter(function, parameter).at(type)
                default: break
                }
            }
            base = attributed.baseType
        }
        if base.contains(SuppressedTypeSyntax.self) {
            throw Refusal.noncopyable(function, parameter, base.trimmedDescription).at(type)
        }
        try refuseUnsendable(base, function: function)
        return base
    }

    private static func refuseUnsendable(_ type: TypeSyntax, function: String) throws {
        if type.contains(FunctionTypeSyntax.self) { throw Refusal.closure(function).at(type) }
        let opaque = type.tokens(viewMode: .sourceAccurate).contains { $0.tokenKind == .keyword(.some) }
        if opaque { throw Refusal.opaqueType(function).at(type) }
    }

    private static func read(_ type: TypeSyntax?, function: String, selfName: String?) throws -> Result {
        guard let type else { return .void }
        try refuseUnsendable(type, function: function)
        if ["Void", "Swift.Void", "Swift::Void"].contains(type.trimmedDescription) { return .void }
        if let stream = stream(type, selfName: selfName) { return stream }
        guard let tuple = type.as(TupleTypeSyntax.self) else { return .single(type.spelled(selfName: selfName)) }
        switch tuple.elements.count {
        case 0: return .void
        case 1: return .single(type.spelled(selfName: selfName))
        default:
            return .tuple(
                tuple.elements.map { element in
                    let label = element.firstName?.text ?? ""
                    return (label == "_" ? "" : label, element.type.spelled(selfName: selfName))
                })
        }
    }
}

extension RemoteSignature {
    /// Whether a call makes items one after the other.
    var isGenerator: Bool { if case .stream = result { true } else { false } }

    /// Reads `AsyncStream<Item>` and `AsyncThrowingStream<Item, any Error>`.
    private static func stream(_ type: TypeSyntax, selfName: String?) -> Result? {
        guard let name = type.as(IdentifierTypeSyntax.self), let arguments = name.genericArgumentClause?.arguments,
            let first = arguments.first, case .type(let item) = first.argument
        else { return nil }
        switch name.name.text {
        case "AsyncStream": return .stream(item.spelled(selfName: selfName), throws: false)
        case "AsyncThrowingStream": return .stream(item.spelled(selfName: selfName), throws: true)
        default: return nil
        }
    }
}

extension Refusal {
    /// The refusal as an error of the expansion, placed at `node`.
    func at(_ node: some SyntaxProtocol) -> DiagnosticsError {
        DiagnosticsError(diagnostics: [Diagnostic(node: node, message: self)])
    }
}

extension String {
    /// The name as an expression: keywords need backticks there, though not as labels.
    var escapedAsName: String {
        let reserved = [
            "in", "for", "is", "as", "if", "else", "func", "var", "let", "class", "struct", "enum", "default", "case",
            "switch", "where", "while", "return", "import", "init", "self", "repeat", "operator", "extension",
            "protocol", "static", "subscript", "throw", "try", "true", "false", "nil", "guard", "defer", "do", "break",
            "continue", "catch", "internal", "public", "private", "fileprivate", "typealias", "super", "rethrows",
            "throws",
        ]
        return reserved.contains(self) ? "`\(self)`" : self
    }
}

extension SyntaxProtocol {
    /// Whether a node of the type is inside this one or is it.
    func contains<Node: SyntaxProtocol>(_ type: Node.Type) -> Bool {
        if self.is(type) { return true }
        return children(viewMode: .sourceAccurate).contains { $0.contains(type) }
    }

    /// The source text with `Self` replaced.
    func spelled(selfName: String?) -> String {
        guard let selfName else { return trimmedDescription }
        return trimmed.tokens(viewMode: .sourceAccurate).map { token in
            token.tokenKind == .keyword(.Self)
                ? token.with(\.tokenKind, .identifier(selfName)).description : token.description
        }.joined()
    }
}

extension AttributeListSyntax {
    /// Whether an attribute of the name is in the list, with or without its module.
    func contains(named name: String) -> Bool {
        contains { element in
            guard let attribute = element.as(AttributeSyntax.self) else { return false }
            let text = attribute.attributeName.trimmedDescription
            return text == name || text.hasSuffix("." + name) || text.hasSuffix("::" + name)
        }
    }
}
