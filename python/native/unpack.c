// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// Reading an object. Nothing in it is trusted: every length is checked against the bytes that are there.
//
//     object            9 bytes with the length N in msgpack | N bytes of msgpack | section of pickled values
//     section           int64 in-band size | int64 description size | in-band pickle | description | buffers
//     description       protobuf PythonObject: 1 in-band size, 2 size of buffers, 3 repeated PythonBuffer
//     PythonBuffer      1 offset, 2 length, 3 item size, 4 dimensions, 5 read-only, 6 format, 7 shape, 8 strides
//
// The buffers begin at the next multiple of 64 of the absolute address, not of the offset in the object.

#include "native.h"

enum { SECTION_HEADER_SIZE = 16 };

typedef struct {
    const unsigned char *next, *end;
} reader;

static bool read_varint(reader *input, uint64_t *out) {
    *out = 0;
    for (int shift = 0; shift < 64 && input->next < input->end; shift += 7) {
        unsigned char byte = *input->next++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

// The next field: a number in `value`, or bytes in `part`. Fields of fixed size are stepped over.
static bool read_field(reader *input, unsigned *field, uint64_t *value, reader *part) {
    uint64_t key;
    if (!read_varint(input, &key)) {
        return false;
    }
    *field = (unsigned)(key >> 3);
    *part = (reader){NULL, NULL};
    *value = 0;
    uint64_t size = 0;
    switch (key & 7) {
    case 0:
        return read_varint(input, value);
    case 1:
        size = 8;
        break;
    case 2:
        if (!read_varint(input, &size)) {
            return false;
        }
        break;
    case 5:
        size = 4;
        break;
    default:
        return false;
    }
    if (size > (uint64_t)(input->end - input->next)) {
        return false;
    }
    *part = (reader){input->next, input->next + size};
    input->next += size;
    return true;
}

static bool read_buffer_record(reader input, struct buffer_record *record) {
    *record = (struct buffer_record){.format = input.next, .shape = input.next, .strides = input.next};
    while (input.next < input.end) {
        unsigned field;
        uint64_t value;
        reader part;
        if (!read_field(&input, &field, &value, &part)) {
            return false;
        }
        size_t size = (size_t)(part.end - part.next);
        switch (field) {
        case 1: record->address = value; break;
        case 2: record->length = value; break;
        case 3: record->item_size = value; break;
        case 4: record->dimensions = (uint32_t)value; break;
        case 5: record->is_read_only = value != 0; break;
        case 6: record->format = part.next; record->format_size = size; break;
        case 7: record->shape = part.next; record->shape_size = size; break;
        case 8: record->strides = part.next; record->strides_size = size; break;
        default: break;
        }
    }
    return true;
}

static int append_buffer(PyObject *list, PyObject *view, const unsigned char *area, const unsigned char *end,
                         reader part) {
    struct buffer_record record;
    size_t room = area > end ? 0 : (size_t)(end - area);
    if (!read_buffer_record(part, &record) || record.address > room || record.length > room - record.address) {
        PyErr_SetString(PyExc_ValueError, "a buffer of the object reaches beyond its end");
        return -1;
    }
    PyObject *buffer = sub_buffer_make(view, area + record.address, &record);
    int status = buffer == NULL ? -1 : PyList_Append(list, buffer);
    Py_XDECREF(buffer);
    return status;
}

// The parts that `description` names, as a list of SubBuffers.
static PyObject *read_buffers(PyObject *view, const unsigned char *end, reader description) {
    const unsigned char *area =
        (const unsigned char *)(((uintptr_t)description.end + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
    PyObject *list = PyList_New(0);
    while (list != NULL && description.next < description.end) {
        unsigned field;
        uint64_t value;
        reader part;
        if (!read_field(&description, &field, &value, &part)) {
            PyErr_SetString(PyExc_ValueError, "the description of the object's buffers is damaged");
            Py_CLEAR(list);
        } else if (field == 3 && append_buffer(list, view, area, end, part) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *slice(PyObject *view, Py_ssize_t from, Py_ssize_t to) {
    PyObject *whole = PyMemoryView_FromObject(view);
    PyObject *part = whole == NULL ? NULL : PySequence_GetSlice(whole, from, to);
    Py_XDECREF(whole);
    return part;
}

// unpack_pickle5_buffers(view) -> (in-band pickle as a memoryview, list of SubBuffers)
PyObject *unpack_pickle5_buffers(PyObject *module, PyObject *object) {
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    const unsigned char *start = view.buf, *end = start + view.len;
    int64_t sizes[2] = {-1, -1};
    if (view.len >= SECTION_HEADER_SIZE) {
        memcpy(sizes, start, sizeof sizes);
    }
    PyObject *in_band = NULL, *buffers = NULL;
    Py_ssize_t room = view.len - SECTION_HEADER_SIZE;
    if (room < 0 || sizes[0] < 0 || sizes[1] < 0 || sizes[0] > room || sizes[1] > room - sizes[0]) {
        PyErr_Format(PyExc_ValueError,
                     "the object says that %lld and %lld bytes follow in its pickled part, which has %zd: it may be "
                     "damaged", (long long)sizes[0], (long long)sizes[1], view.len);
    } else {
        const unsigned char *description = start + SECTION_HEADER_SIZE + sizes[0];
        in_band = slice(object, SECTION_HEADER_SIZE, SECTION_HEADER_SIZE + (Py_ssize_t)sizes[0]);
        buffers = in_band == NULL ? NULL : read_buffers(object, end, (reader){description, description + sizes[1]});
    }
    PyBuffer_Release(&view);
    if (buffers == NULL) {
        Py_XDECREF(in_band);
        return NULL;
    }
    return Py_BuildValue("(NN)", in_band, buffers);
}

// The length of the msgpack part of an object, -1 if its header does not match its bytes.
int64_t packed_length(const unsigned char *bytes, Py_ssize_t size) {
    if (size < HEADER_SIZE) {
        return -1;
    }
    int count = bytes[0] >= 0xcc && bytes[0] <= 0xcf ? 1 << (bytes[0] - 0xcc) : 0;
    uint64_t length = bytes[0] < 0x80 ? bytes[0] : 0;
    for (int index = 1; index <= count; index++) {
        length = length << 8 | bytes[index];
    }
    return (bytes[0] < 0x80 || count > 0) && length <= (uint64_t)(size - HEADER_SIZE) ? (int64_t)length : -1;
}

// split_buffer(Buffer) -> (msgpack as a memoryview, what follows as a memoryview)
PyObject *split_buffer(PyObject *module, PyObject *object) {
    if (!PyObject_TypeCheck(object, buffer_type)) {
        PyErr_Format(PyExc_TypeError, "split_buffer: expected a Buffer, got %R", (PyObject *)Py_TYPE(object));
        return NULL;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    Py_ssize_t size = view.len;
    int64_t length = packed_length(view.buf, size);
    PyBuffer_Release(&view);
    if (length < 0) {
        return PyErr_Format(PyExc_ValueError, "the object's header does not match its %zd bytes: it may be damaged",
                            size);
    }
    PyObject *first = slice(object, HEADER_SIZE, HEADER_SIZE + (Py_ssize_t)length);
    PyObject *second = first == NULL ? NULL : slice(object, HEADER_SIZE + (Py_ssize_t)length, size);
    if (second == NULL) {
        Py_XDECREF(first);
        return NULL;
    }
    return Py_BuildValue("(NN)", first, second);
}
