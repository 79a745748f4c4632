//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

/// Messages as Google's library writes them (`SerializeToString`), from `p = ray.core.generated.ray_client_pb2`.
private enum Sample {
    /// `p.DataRequest(req_id=7, task=p.ClientTask(type=2, name='m', payload_id=b'pp', client_id='c1',
    /// options=p.TaskOptions(pickled_options=b'oo'), baseline_options=p.TaskOptions(), namespace='ns', data=b'dd',
    /// chunk_id=1, total_chunks=3))`
    static let task = "08075221080212016d1a027070320263313a040a026f6f42004a026e735202646458016003"
    /// `p.DataRequest(req_id=300, task=p.ClientTask(payload_id=b'pp', client_id='c1', data=b'dd', total_chunks=1))`
    static let plainTask = "08ac02520e1a02707032026331520264646001"
    /// `p.DataRequest(req_id=1, task=p.ClientTask(args=[p.Arg(data=b'x')]))`
    static let listTask = "0801520522031a0178"
    /// `p.DataRequest(req_id=1, task=p.ClientTask(kwargs={'k': p.Arg(data=b'x')}))`
    static let mapTask = "0801520a2a080a016b12031a0178"
    /// `p.DataRequest(req_id=8, put=p.PutRequest(data=b'abc', client_ref_id=b'r', chunk_id=2, total_chunks=4,
    /// total_size=2**33))`
    static let put = "08081a120a0361626312017218022004288080808020"
    /// `p.DataRequest(req_id=9, release=p.ReleaseRequest(ids=[b'ab', b'', b'c']))`
    static let release = "080922090a0261620a000a0163"
    /// `p.DataRequest(acknowledge=p.AcknowledgeRequest(req_id=2**31 - 1))`
    static let acknowledge = "4a0608ffffffff07"
    /// `p.DataRequest(req_id=1, init=p.InitRequest(job_config=b'j', ray_init_kwargs='{}', reconnect_grace_period=30))`
    static let initialize = "080132090a016a12027b7d181e"
    /// `p.DataRequest(req_id=-1, init=p.InitRequest(reconnect_grace_period=-5))`
    static let negative = "08ffffffffffffffffff01320b18fbffffffffffffffff01"
    /// `p.DataRequest(req_id=2, get=p.GetRequest(ids=[b'ab'], asynchronous=True))`
    static let asynchronousGet = "08021206180122026162"
    /// `p.DataRequest(req_id=3, connection_info=p.ConnectionInfoRequest())`
    static let connection = "08032a00"
    /// `p.GetRequest(ids=[b'ab', b'c'], timeout=1.5, asynchronous=True, start_chunk_id=3)`
    static let get = "150000c03f1801220261622201632803"
    /// `p.GetRequest(ids=[b'ab'])`
    static let plainGet = "22026162"

    static let requests = [
        task, plainTask, listTask, mapTask, put, release, acknowledge, initialize, negative, asynchronousGet,
        connection,
    ]
}

private func buffer(_ hex: String) throws -> ByteBuffer { try ByteBuffer(plainHexEncodedBytes: hex) }

private func bytes(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

@Suite("Requests of Ray Client")
struct ClientMessagesTests {
    private func request(_ hex: String) throws -> DataRequest { try #require(DataRequest(buffer(hex))) }

    private func task(_ hex: String) throws -> ClientTask {
        guard case .task(let task) = try request(hex).content else { throw Missing() }
        return task
    }

    private struct Missing: Error {}

    @Test("A call with everything")
    func wholeTask() throws {
        let task = try task(Sample.task)
        #expect(try request(Sample.task).requestID == 7)
        #expect(task.kind == .method)
        #expect(task.name == "m")
        #expect(task.payloadID == bytes("pp"))
        #expect(task.clientID == "c1")
        #expect(task.options == bytes("oo"))
        #expect(task.baselineOptions == ByteBuffer())
        #expect(task.namespace == "ns")
        #expect(task.data == bytes("dd"))
        #expect(task.chunkID == 1)
        #expect(task.chunkCount == 3)
        #expect(!task.hasOldArguments)
    }

    @Test("A call with little")
    func smallTask() throws {
        let task = try task(Sample.plainTask)
        #expect(try request(Sample.plainTask).requestID == 300)
        #expect(task.kind == .function)
        #expect(task.name == "")
        #expect(task.namespace == "")
        #expect(task.options == nil)
        #expect(task.baselineOptions == nil)
        #expect(task.chunkID == 0)
        #expect(task.chunkCount == 1)
    }

    @Test("Arguments of older versions are noticed", arguments: [Sample.listTask, Sample.mapTask])
    func oldArguments(hex: String) throws { #expect(try task(hex).hasOldArguments) }

    @Test("Every kind of call", arguments: 0...4 as ClosedRange<Int32>)
    func kinds(kind: Int32) throws {
        #expect(ClientTask(ByteBuffer(bytes: [0x08, UInt8(kind)]))?.kind == ClientTask.Kind(rawValue: kind))
        #expect(ClientTask.Kind(rawValue: 5) == nil)
    }

    @Test("A value to store")
    func put() throws {
        guard case .put(let put) = try request(Sample.put).content else { throw Missing() }
        #expect(put.data == bytes("abc"))
        #expect(put.clientReferenceID == bytes("r"))
        #expect(put.chunkID == 2)
        #expect(put.chunkCount == 4)
        #expect(put.totalSize == 1 << 33)
    }

    @Test("Requests of one field")
    func small() throws {
        #expect(try request(Sample.release).content == .release([bytes("ab"), bytes(""), bytes("c")]))
        #expect(try request(Sample.release).requestID == 9)
        #expect(try request(Sample.acknowledge).content == .acknowledge(.max))
        #expect(try request(Sample.acknowledge).requestID == 0)
        #expect(try request(Sample.initialize).content == .other)
        #expect(try request(Sample.negative).content == .other)
        #expect(try request(Sample.negative).requestID == -1)
    }

    @Test("What is Python's keeps its number", arguments: [Sample.asynchronousGet, Sample.connection, "0805", ""])
    func other(hex: String) throws { #expect(try request(hex).content == .other) }

    @Test("Objects that are wanted")
    func get() throws {
        let get = try #require(GetRequest(buffer(Sample.get)))
        #expect(get.ids == [bytes("ab"), bytes("c")])
        #expect(get.timeout == 1.5)
        #expect(get.isAsynchronous)
        #expect(get.startChunkID == 3)
        let plain = try #require(GetRequest(buffer(Sample.plainGet)))
        #expect(plain.ids == [bytes("ab")])
        #expect(plain.timeout == 0)
        #expect(!plain.isAsynchronous)
        #expect(plain.startChunkID == 0)
    }

    /// `p.GetRequest.FromString` of what comes out has the timeout 0 and all else as before.
    @Test("Objects that are wanted at once", arguments: [Sample.get, Sample.plainGet])
    func getAtOnce(hex: String) throws {
        let before = try #require(GetRequest(buffer(hex)))
        let changed = GetRequest.withoutWaiting(try buffer(hex))
        #expect(try changed == buffer(hex + "1500000000"))
        let after = try #require(GetRequest(changed))
        #expect(after.timeout == 0)
        #expect(after.ids == before.ids)
        #expect(after.isAsynchronous == before.isAsynchronous)
        #expect(after.startChunkID == before.startChunkID)
    }

    @Test("The order of fields is free, and the last value of one counts")
    func order() throws {
        let inOrder = "1a02707032026331520264646001"
        #expect(try ClientTask(buffer("6001520264643202633112001a027070")) == ClientTask(buffer(inOrder)))
        #expect(try ClientTask(buffer("6005080408001a0161" + inOrder)) == ClientTask(buffer(inOrder)))
        #expect(try request("5200080108021a00").requestID == 2)
    }

    @Test(
        "What is not known here is Python's",
        arguments: [
            // Two contents; a field 13; field 1 of another kind; in a task: a field 13, a kind 5, a name that is no text,
            // options twice, options with a field 2, a group.
            "08015200" + "5200", "08015200" + "1a00" + "5200", "0801" + "6a00", "0a00", "520268" + "01", "52020805",
            "52031201ff", "52043a003a00", "52043a021200", "52023b3c",
            // In the others: a field that is not known.
            "1a023001", "22021200", "32022001", "4a021001", "220208" + "01",
        ])
    func unknown(hex: String) throws { #expect(try request(hex).content == .other) }

    @Test("What is not known is no request", arguments: ["1003", "0a0161", "2001", "3001", "1d00000000", "22", "2b2c"])
    func unknownGet(hex: String) throws { #expect(try GetRequest(buffer(hex)) == nil) }

    @Test("What is cut off is no message, or another one", arguments: Sample.requests)
    func cut(hex: String) throws {
        let whole = try buffer(hex)
        for length in 0..<whole.readableBytes {
            let part = try #require(whole.getSlice(at: 0, length: length))
            // It is one where it ends between two fields, and has no content then.
            if let request = DataRequest(part) { #expect(request.content == .other) }
        }
        // In the content: then it has to have less.
        guard case .bytes(let content) = lastField(whole) else { return }
        for length in 0..<content.readableBytes {
            let part = try #require(content.getSlice(at: content.readerIndex, length: length))
            if let task = ClientTask(part) { #expect(task != ClientTask(content)) }
            if let put = PutRequest(part) { #expect(put != PutRequest(content)) }
        }
    }

    private func lastField(_ message: ByteBuffer) -> MessageField.Value? {
        var fields = MessageFields(message)
        var last: MessageField.Value?
        while let field = fields.next() { last = field.value }
        return last
    }

    @Test("What is cut off from a get is none, or another one", arguments: [Sample.get, Sample.plainGet])
    func cutGet(hex: String) throws {
        let whole = try buffer(hex)
        for length in 0..<whole.readableBytes {
            let part = try #require(whole.getSlice(at: 0, length: length))
            #expect(GetRequest(part) != GetRequest(whole))
        }
    }

    @Test("Random bytes and messages with random changes are read or not", arguments: 1...4 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        var random = Random(seed)
        let samples = try (Sample.requests + [Sample.get]).map(buffer)
        var readCount = 0
        for round in 0..<10_000 {
            var message = ByteBuffer()
            if round % 2 == 0 {
                for _ in 0..<random.number(below: 12) { message.writeInteger(random.byte()) }
            } else {
                message = samples[random.number(below: samples.count)]
                for _ in 0...random.number(below: 3) {
                    message.setInteger(random.byte(), at: random.number(below: message.readableBytes))
                }
            }
            if DataRequest(message) != nil { readCount += 1 }
            if ClientTask(message) != nil { readCount += 1 }
            if PutRequest(message) != nil { readCount += 1 }
            if let get = GetRequest(message) {
                readCount += 1
                #expect(get.ids.count <= message.readableBytes)
            }
        }
        #expect(readCount > 100)
    }
}

/// As Google's library writes them, from `p` as above.
@Suite("Answers to clients of Ray Client")
struct ClientAnswerTests {
    /// `p.DataResponse(req_id=300, task_ticket=p.ClientTaskTicket(valid=True, return_ids=[b'ab', b'c']))` and
    /// `p.DataResponse(req_id=1, task_ticket=p.ClientTaskTicket(valid=True))`
    @Test("A call is taken")
    func ticket() throws {
        #expect(
            try ClientAnswer.ticket(requestID: 300, ids: [bytes("ab"), bytes("c")])
                == buffer("08ac025209080112026162120163"))
        #expect(try ClientAnswer.ticket(requestID: 1, ids: []) == buffer("080152020801"))
    }

    /// `p.DataResponse(req_id=-1, put=p.PutResponse(id=b'ab', valid=True))`
    @Test("A value is stored")
    func put() throws {
        #expect(
            try ClientAnswer.put(requestID: -1, id: bytes("ab")) == buffer("08ffffffffffffffffff011a060a0261621001"))
    }

    /// `p.DataResponse(req_id=5, release=p.ReleaseResponse(ok=[True, False, True]))` and one without
    @Test("Objects are let go")
    func released() throws {
        #expect(try ClientAnswer.released(requestID: 5, [true, false, true]) == buffer("080522051203010001"))
        #expect(try ClientAnswer.released(requestID: 5, []) == buffer("08052200"))
    }

    /// `p.GetResponse(valid=True, data=b'xxx', chunk_id=0, total_chunks=1, total_size=3)`
    @Test("A value is there")
    func value() throws {
        #expect(try ClientAnswer.value(pickle: bytes("xxx")) == buffer("0801120378787828013003"))
    }
}
