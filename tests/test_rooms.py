"""The wall between the two packages: bot/ never leads to torch, model/ knows nothing of Discord."""

import ast
import subprocess
import sys
from pathlib import Path

import bot
import model

BOT = """
import importlib, pkgutil, sys, bot
for module in pkgutil.walk_packages(bot.__path__, "bot."):
    if module.name != "bot.__main__":
        importlib.import_module(module.name)
        assert "torch" not in sys.modules, module.name
"""


def test_no_module_of_the_bot_leads_to_torch() -> None:
    subprocess.run([sys.executable, "-c", BOT], check=True)


def test_no_module_of_the_model_imports_discord_or_the_bot() -> None:
    for file in Path(model.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.partition(".")[0] for name in names} & {"discord", "bot", "simcord"}, file


def test_no_running_code_knows_the_demo_world() -> None:
    world = Path(model.__path__[0]) / "demo"
    for package in (bot, model):
        for file in Path(package.__path__[0]).rglob("*.py"):
            assert world in file.parents or "model.demo" not in file.read_text(), file
