//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
/// Writes the source of calls: the overloads a caller sees and the entry that a worker runs.
struct CallText {
    /// Up to this many parameters there is one overload for each choice of values and references.
    ///
    /// The type checker gives up at 64 overloads; 16 are well within its reach.
    static let combinedParametersMax = 4

    var signature: RemoteSignature

    /// The overloads of a call.
    ///
    /// - Parameters:
    ///   - name: the name of the generated functions.
    ///   - access: access modifier with a space behind it, or nothing.
    ///   - finish: the last statement, which uses `_rayArguments`.
    func overloads(named name: String, access: String, returning type: String, finish: String) -> [String] {
        let count = signature.parameters.count
        let discardable = signature.isDiscardable ? "@discardableResult " : ""
        func overload(_ attribute: String, _ declare: (Int, RemoteParameter) -> String, _ append: (Int) -> String)
            -> String
        {
            let parameters = signature.parameters.enumerated().map(declare).joined(separator: ", ")
            let binding = count == 0 ? "let" : "var"
            let lines =
                ["\(binding) _rayArguments = Ray::ray._Arguments(count: \(count))"]
                + signature.parameters.enumerated().map { index, parameter in
                    "_rayArguments.\(append(index))(\(parameter.name))"
                } + [finish]
            return """
                \(attribute)\(access)func \(name)(\(parameters)) -> \(type) {
                    \(lines.joined(separator: "\n    "))
                }
                """
        }
        func value(_ parameter: RemoteParameter) -> String {
            "\(parameter.spelling): \(parameter.type)" + (parameter.defaultValue.map { " = \($0)" } ?? "")
        }
        if count <= Self.combinedParametersMax {
            return (0..<(1 << count)).map { choice in
                overload(
                    discardable,
                    { choice & (1 << $0) == 0 ? value($1) : "\($1.spelling): Ray::ObjectRef<\($1.type)>" },
                    { choice & (1 << $0) == 0 ? "append" : "appendReference" })
            }
        }
        return [
            overload(discardable, { value($1) }, { _ in "append" }),
            overload(
                discardable + "@_disfavoredOverload ",
                { _, parameter in
                    "\(parameter.spelling): Ray::ray.Argument<\(parameter.type)>"
                        + (parameter.defaultValue.map { " = .value(\($0))" } ?? "")
                }, { _ in "appendArgument" }),
        ]
    }

    /// The statement that makes references of the call on `callee`.
    func finish(_ callee: String) -> String {
        switch signature.result {
        case .void, .single: "return \(callee).one()"
        case .stream: "return \(callee).stream()"
        case .tuple(let elements):
            "let _rayReferences = \(callee)\n    return ("
                + elements.indices.map { "_rayReferences.reference(\($0))" }.joined(separator: ", ") + ")"
        }
    }

    /// The closure that a worker runs: decodes arguments, calls `callee`, encodes what it returns.
    ///
    /// - Parameters:
    ///   - prelude: statements before the arguments are decoded.
    ///   - needsAwait: whether the call must be awaited.
    ///   - isParallel: whether a call that need not be awaited may run beside others.
    func entry(callee: String, prelude: [String] = [], needsAwait: Bool, isParallel: Bool = false) -> String {
        let arguments = signature.parameters.enumerated().map { "\($1.argumentLabel)_ray\($0)" }
            .joined(separator: ", ")
        let call = "\(callee)(\(arguments))"
        let awaiting = needsAwait ? "await " : ""
        var lines = prelude + decodedArguments
        switch signature.result {
        case .void:
            lines += [(signature.throwsErrors ? "try " : "") + awaiting + call, "return Ray::ray._Results.void"]
        case .single:
            lines.append("return try _rayInvocation.results(\(awaiting)\(call))")
        case .stream(_, let itemsThrow):
            lines += [
                "for \(itemsThrow ? "try " : "")await _rayItem in "
                    + "\(signature.throwsErrors ? "try " : "")\(awaiting)\(call) {",
                "    try await _rayInvocation.yield(_rayItem)", "}", "return Ray::ray._Results.void",
            ]
            return closure(lines, isAsync: true)
        case .tuple(let elements):
            lines.append("let _rayResult = " + (signature.throwsErrors ? "try " : "") + awaiting + call)
            let values = elements.indices.map { "_rayResult.\($0)" }.joined(separator: ", ")
            lines.append("return try _rayInvocation.resultTuple(\(values))")
        }
        return closure(lines, isAsync: needsAwait, isParallel: isParallel)
    }

    /// The closure that creates an actor in a worker.
    func creation(of type: String, needsAwait: Bool) -> String {
        let arguments = signature.parameters.enumerated().map { "\($1.argumentLabel)_ray\($0)" }
            .joined(separator: ", ")
        let call =
            (signature.throwsErrors ? "try " : "") + (needsAwait ? "await " : "") + "\(type)(\(arguments))"
        return closure(decodedArguments + ["return Ray::ray._Results(instance: \(call))"], isAsync: needsAwait)
    }

    private var decodedArguments: [String] {
        signature.parameters.enumerated().map { index, parameter in
            "let _ray\(index): \(parameter.type) = try _rayInvocation.argument(\(index))"
        }
    }

    private func closure(_ lines: [String], isAsync: Bool, isParallel: Bool = false) -> String {
        // Named only where it is used, else the compiler warns.
        let uses = lines.contains { $0.contains("_rayInvocation") }
        let name = uses ? "_rayInvocation" : "_"
        return ".\(isAsync ? "asynchronous" : isParallel ? "parallel" : "synchronous")({ \(name) in\n    "
            + lines.joined(separator: "\n    ") + "\n})"
    }
}

/// Writes the record through which a worker finds a declaration, and what it leads to.
struct RecordText {
    /// What the record is of: the names of `ray._Declaration.Kind`.
    var kind: String
    var className: String
    /// Name with labels, then the types.
    var function: String
    var parameterTypes: [String]
    var returnCount: Int
    var file: String
    var line: String
    var hash: String
    var entry: String
    /// The group as a literal; nothing for the default one.
    var group: String?
    var isGenerator = false

    /// The members, in an enum named `owner`; `index` keeps several records of one enum apart.
    func members(owner: String, index: Int) -> String {
        let types = parameterTypes.map { "\"\($0.escapedAsLiteral)\"" }.joined(separator: ", ")
        return """
            @section("ray_remote") @used static let _rayRecord\(index): (
                Swift::UInt32, Swift::UInt32, @convention(c) (Swift::UnsafeMutableRawPointer) -> Swift::Void
            ) = (
                1, \(kind == "function" ? 1 : 2),
                { $0.initializeMemory(as: Ray::ray._Declaration.self, to: \(owner)._rayDeclaration\(index)) }
            )
            static let _rayDeclaration\(index) = Ray::ray._Declaration(
                kind: .\(kind), className: "\(className.escapedAsLiteral)", function: "\(function.escapedAsLiteral)",
                parameterTypes: [\(types)], returnCount: \(returnCount), file: \(file), line: \(line), hash: "\(hash)",
                \(isGenerator ? "isGenerator: true, " : "")\(group.map { "concurrencyGroup: \($0), " } ?? "")entry: \(entry))
            """
    }
}

extension String {
    /// The text for the inside of a string literal.
    var escapedAsLiteral: String {
        var result = ""
        for character in self {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += " "
            default: result.append(character)
            }
        }
        return result
    }

    /// FNV-1a over the UTF-8, as 16 hex digits: tells two versions of a signature apart.
    var signatureHash: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
