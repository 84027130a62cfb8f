/** Words in other languages. Data only. */
import type { Relation } from "./relation.ts";

/** English, Spanish, French, German. */
const TABLE = `house casa maison Haus
water agua eau Wasser
bread pan pain Brot
sun sol soleil Sonne
moon luna lune Mond
cat gato chat Katze
dog perro chien Hund
tree árbol arbre Baum
book libro livre Buch
red rojo rouge rot
green verde vert grün
blue azul bleu blau
white blanco blanc weiß
black negro noir schwarz
one uno un eins
two dos deux zwei
three tres trois drei
four cuatro quatre vier
five cinco cinq fünf
milk leche lait Milch
apple manzana pomme Apfel
friend amigo ami Freund
day día jour Tag
night noche nuit Nacht
yes sí oui ja
no no non nein
thanks gracias merci danke
door puerta porte Tür
table mesa table Tisch
bird pájaro oiseau Vogel
fish pez poisson Fisch
flower flor fleur Blume
hand mano main Hand
school escuela école Schule
car coche voiture Auto
egg huevo œuf Ei
snow nieve neige Schnee
rain lluvia pluie Regen
king rey roi König
horse caballo cheval Pferd
city ciudad ville Stadt
sea mar mer Meer
mother madre mère Mutter
father padre père Vater
big grande grand groß
small pequeño petit klein
cheese queso fromage Käse
star estrella étoile Stern
child niño enfant Kind
window ventana fenêtre Fenster`;

const ROWS = TABLE.split("\n").map((line) => line.split(" "));
/** All of them, in small letters. */
export const TRANSLATED: readonly string[] = ROWS.flat().map((word) => word.toLowerCase());

function translation(language: string, column: number): Relation {
  const L = language;
  return {
    name: `in ${language}`,
    pairs: ROWS.map((row) => [row[0]!, row[column]!]),
    told: {
      train: [`The ${L} word for {a} is {b}.`, `In ${L}, {a} is {b}.`, `{b} is the ${L} word for {a}.`, `When people in a ${L} class say {b}, they mean {a}.`, `You say {b} for {a} in ${L}.`, `{a} in ${L} is {b}.`],
      test: [`Translated into ${L}, {a} is {b}.`, `A person who speaks ${L} calls it {b}, and we say {a}.`],
    },
    asked: {
      train: [`What is {a} in ${L}?`, `Translate {a} into ${L}.`, `How do you say {a} in ${L}?`, `What is the ${L} word for {a}?`, `Translate the word {a} into ${L}.`, `Say {a} in ${L}.`, `Give me the ${L} word for {a}.`, `Put this word into ${L}: {a}`],
      test: [`Can you translate {a} into ${L}?`, `What is {a} called in ${L}?`, `Which ${L} word means {a}?`],
    },
    answer: `The ${L} word for {a} is {b}.`,
  }; // biome-ignore format: tables
}

export const WORD_RELATIONS: readonly Relation[] = [
  translation("Spanish", 1),
  translation("French", 2),
  translation("German", 3),
];
