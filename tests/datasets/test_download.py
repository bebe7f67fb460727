"""Downloads, from a server on this machine: mirrors, truncation, wrong data, and nothing half-done left behind."""

import hashlib
import io
import tarfile
from gzip import compress

import pytest

from spikefa.datasets import DataError, cifar10, mnist
from spikefa.datasets.idx import TRAIN_IMAGES

from .conftest import use


def offer(server, files, folder=""):
    server.files.update({folder + name: compress(data) for name, data in files.items()})
    return server.address + folder


def test_what_is_downloaded_is_kept(server, monkeypatch, mnist_files, cache):
    use(monkeypatch, mnist, mnist_files, addresses=(offer(server, mnist_files),))
    first = mnist.load(validation=20)
    assert sorted(server.asked) == sorted(mnist_files)
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(mnist_files)
    second = mnist.load(validation=20)
    assert len(server.asked) == 4
    assert first.train.x.equal(second.train.x)


@pytest.mark.parametrize("fault", ["absent", "cut short", "cut short and no length", "wrong data", "no server"])
def test_a_mirror_serves_when_the_first_address_fails(server, monkeypatch, mnist_files, cache, fault):
    first, mirror = (offer(server, mnist_files, folder) for folder in ("first/", "mirror/"))
    spoil(server, "first/" + TRAIN_IMAGES, fault)
    first = "http://127.0.0.1:9/" if fault == "no server" else first
    use(monkeypatch, mnist, mnist_files, addresses=(first, mirror))
    assert len(mnist.load(validation=20).train) == 80
    assert "mirror/" + TRAIN_IMAGES in server.asked
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(mnist_files)


@pytest.mark.parametrize("fault", ["absent", "cut short", "cut short and no length", "wrong data", "no server"])
def test_when_no_address_works_the_way_out_is_named_and_nothing_is_left(server, monkeypatch, mnist_files, cache, fault):
    address = offer(server, mnist_files)
    spoil(server, TRAIN_IMAGES, fault)
    address = "http://127.0.0.1:9/" if fault == "no server" else address
    use(monkeypatch, mnist, mnist_files, addresses=(address,))
    with pytest.raises(DataError, match="no address gave the right data") as error:
        mnist.load()
    message = str(error.value)
    assert message.startswith(TRAIN_IMAGES)
    assert f"{address}{TRAIN_IMAGES}: " in message
    assert f"put {', '.join(mnist_files)} into {cache / 'mnist'}, or into a folder that SPIKEFA_DATA names" in message
    assert not list((cache / "mnist").iterdir())


def spoil(server, name, fault):
    if fault == "absent":
        del server.files[name]
    elif fault == "cut short":
        server.cut.add(name)
    elif fault == "cut short and no length":
        server.files[name] = server.files[name][:-50]
    elif fault == "wrong data":
        server.files[name] = compress(b"something else")


def archive(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.mark.parametrize("fault", ["none", "first address cut short"])
def test_archive_is_unpacked_into_the_cache(server, monkeypatch, cifar_files, cache, fault):
    server.files["a.tar.gz"] = server.files["b.tar.gz"] = packed = archive(cifar_files | {"readme.html": b"hello"})
    if fault != "none":
        server.cut.add("a.tar.gz")
    addresses = (server.address + "a.tar.gz", server.address + "b.tar.gz")
    use(monkeypatch, cifar10, cifar_files, addresses=addresses, archive=hashlib.md5(packed).hexdigest())
    assert len(cifar10.load(train=500).train) == 400
    assert server.asked == (["a.tar.gz"] if fault == "none" else ["a.tar.gz", "b.tar.gz"])
    assert {path.name: path.read_bytes() for path in (cache / "cifar-10").iterdir()} == cifar_files


@pytest.mark.parametrize("fault", ["wrong md5", "a batch is missing"])
def test_bad_archive_leaves_nothing(server, monkeypatch, cifar_files, cache, fault):
    inside = {name: data for name, data in cifar_files.items() if fault == "wrong md5" or name != "data_batch_1.bin"}
    server.files["a.tar.gz"] = packed = archive(inside)
    expected = "0" * 32 if fault == "wrong md5" else hashlib.md5(packed).hexdigest()
    use(monkeypatch, cifar10, cifar_files, addresses=(server.address + "a.tar.gz",), archive=expected)
    message = f"expected data of md5 {expected}" if fault == "wrong md5" else "expected data_batch_1.bin inside"
    with pytest.raises(DataError, match=message):
        cifar10.load(train=500)
    assert not list((cache / "cifar-10").iterdir())


def test_interrupted_download_leaves_nothing(server, monkeypatch, mnist_files, cache):
    use(monkeypatch, mnist, mnist_files, addresses=(offer(server, mnist_files),))

    def interrupt(downloader, address, path, pooch):
        with open(path, "wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        mnist.load()
    assert not list((cache / "mnist").iterdir())
