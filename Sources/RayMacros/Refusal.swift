//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
package import SwiftDiagnostics

/// Why a declaration cannot be remote: each case is one sentence with its remedy.
package enum Refusal: Error, Hashable, Sendable {
    case notAFunction
    case generic(String)
    case opaqueType(String)
    case inoutParameter(String, String)
    case variadic(String, String)
    case closure(String)
    case noncopyable(String, String, String)
    case isolatedParameter(String, String)
    case rethrowing(String)
    case localFunction(String)
    case instanceMethod(String)
    case genericContext(String)
    case mainFile(String)
    case notAClass
    case notFinal(String)
    case genericType(String)
    case localType(String)
    case failableInitializer
    case unknownGroup(String, String)

    /// The sentence that the compiler prints.
    package var message: String {
        switch self {
        case .notAFunction:
            "'@Remote' can be put on functions only; for an actor or a final class use '@RemoteActor'"
        case .generic(let name):
            "'\(name)' cannot be remote because it is generic: a worker looks functions up by name and cannot choose "
                + "the types; write one function for each type"
        case .opaqueType(let name):
            "'\(name)' cannot be remote because it uses a 'some' type: a worker cannot know the type behind it; "
                + "name the type"
        case .inoutParameter(let name, let parameter):
            "'\(name)' cannot be remote because '\(parameter)' is 'inout': the worker has a copy of the argument; "
                + "return the new value instead"
        case .variadic(let name, let parameter):
            "'\(name)' cannot be remote because '\(parameter)' is variadic; take an array instead"
        case .closure(let name):
            "'\(name)' cannot be remote because it takes or returns a closure: code cannot be sent to another process; "
                + "pass the data that the closure needs"
        case .noncopyable(let name, let parameter, let specifier):
            "'\(name)' cannot be remote because '\(parameter)' is '\(specifier)': arguments are copied to another "
                + "process, which a '~Copyable' value does not allow; take a copyable value"
        case .isolatedParameter(let name, let parameter):
            "'\(name)' cannot be remote because '\(parameter)' is 'isolated': an actor does not leave its process; "
                + "use '@RemoteActor'"
        case .rethrowing(let name):
            "'\(name)' cannot be remote because it is 'rethrows': there is no closure whose error it could pass on; "
                + "use 'throws'"
        case .localFunction(let name):
            "'\(name)' cannot be remote because it is declared inside other code, which a worker does not run; "
                + "move it to file scope"
        case .instanceMethod(let name):
            "'\(name)' cannot be remote because it is an instance method of a type that is not a '@RemoteActor'; "
                + "make it static, or put '@RemoteActor' on the type"
        case .genericContext(let name):
            "'\(name)' cannot be remote because the type around it is generic; move it to file scope"
        case .mainFile(let name):
            "'\(name)' cannot be remote because it is declared in main.swift, whose globals are not initialised in a "
                + "worker; move it to another file"
        case .notAClass:
            "'@RemoteActor' can be put on an actor or a final class only"
        case .notFinal(let name):
            "'\(name)' cannot be a remote actor because it is a class that is not final; write 'final class \(name)'"
        case .genericType(let name):
            "'\(name)' cannot be a remote actor because it is generic: a worker looks types up by name; "
                + "write one type for each argument"
        case .localType(let name):
            "'\(name)' cannot be a remote actor because it is declared inside other code, which a worker does not "
                + "run; move it to file scope"
        case .unknownGroup(let name, let group):
            "'\(name)' cannot be in the concurrency group \(group) because '@RemoteActor' does not name it; "
                + "write '@RemoteActor(.concurrent, groups: [\(group): 2])'"
        case .failableInitializer:
            "a remote actor cannot have an initialiser that returns nil; throw an error instead, or mark the "
                + "initialiser '@Local'"
        }
    }
}

extension Refusal: DiagnosticMessage {
    package var diagnosticID: MessageID { MessageID(domain: "Ray", id: "refusal") }
    package var severity: DiagnosticSeverity { .error }
}
