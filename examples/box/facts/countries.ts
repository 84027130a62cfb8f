/** Facts about countries: capitals, continents, languages. Data only. */
import { pairs, type Relation } from "./relation.ts";

/** Capitals as they are commonly named, of countries with one of them. */
export const CAPITALS =
  pairs(`France: Paris, Spain: Madrid, Italy: Rome, Germany: Berlin, Portugal: Lisbon, Greece: Athens, Austria: Vienna,
  Poland: Warsaw, Hungary: Budapest, Sweden: Stockholm, Norway: Oslo, Denmark: Copenhagen, Finland: Helsinki, Ireland: Dublin, Iceland: Reykjavik,
  Belgium: Brussels, Romania: Bucharest, Bulgaria: Sofia, Croatia: Zagreb, Serbia: Belgrade, Slovenia: Ljubljana, Slovakia: Bratislava, Ukraine: Kyiv,
  Estonia: Tallinn, Latvia: Riga, Lithuania: Vilnius, Malta: Valletta, Albania: Tirana, Russia: Moscow, Turkey: Ankara, Japan: Tokyo, China: Beijing,
  India: New Delhi, Nepal: Kathmandu, Thailand: Bangkok, Vietnam: Hanoi, Mongolia: Ulaanbaatar, South Korea: Seoul, Iran: Tehran, Iraq: Baghdad,
  Lebanon: Beirut, Jordan: Amman, Egypt: Cairo, Morocco: Rabat, Tunisia: Tunis, Kenya: Nairobi, Ghana: Accra, Nigeria: Abuja, Ethiopia: Addis Ababa,
  Senegal: Dakar, Uganda: Kampala, Canada: Ottawa, Mexico: Mexico City, Cuba: Havana, Peru: Lima, Chile: Santiago, Argentina: Buenos Aires,
  Brazil: Brasilia, Colombia: Bogota, Ecuador: Quito, Uruguay: Montevideo, Venezuela: Caracas, Australia: Canberra, New Zealand: Wellington,
  England: London, Scotland: Edinburgh, Wales: Cardiff`);

const CONTINENTS: readonly (readonly [continent: string, countries: string])[] = [
  ["Europe", "France|Spain|Italy|Germany|Portugal|Greece|Austria|Poland|Hungary|Sweden|Norway|Denmark|Finland|Ireland|Belgium|Romania|Bulgaria|Croatia"],
  ["Asia", "Japan|China|India|Nepal|Thailand|Vietnam|Mongolia|South Korea|Iran|Iraq|Lebanon|Jordan"],
  ["Africa", "Egypt|Morocco|Tunisia|Kenya|Ghana|Nigeria|Ethiopia|Senegal|Uganda"],
  ["North America", "Canada|Mexico|Cuba"],
  ["South America", "Peru|Chile|Argentina|Brazil|Colombia|Ecuador|Uruguay|Venezuela"],
]; // biome-ignore format: a table

export const COUNTRY_RELATIONS: readonly Relation[] = [
  {
    name: "capital",
    pairs: CAPITALS,
    told: {
      train: ["The capital of {a} is {b}.", "{b} is the capital of {a}.", "The capital city of {a} is {b}.", "{a}'s capital is {b}.", "In {a}, the capital is {b}.", "The seat of the government of {a} is the capital, {b}.", "{b} is the capital city of {a}.", "The country of {a} has a capital, and its name is {b}.", "If you go to the capital of {a}, you go to {b}.", "On the map of {a}, a star marks the capital, {b}.", "The city of {b} is the capital of {a}.", "People in {a} call {b} their capital.", "The government of {a} sits in the capital, {b}.", "Of all the cities in {a}, the capital is {b}."],
      test: ["The name of the capital of {a} is {b}.", "As everyone in {a} knows, the capital of the country is {b}.", "{a} has {b} as its capital."],
    },
    asked: {
      train: ["What is the capital of {a}?", "What is the capital city of {a}?", "Which city is the capital of {a}?", "Name the capital of {a}.", "Tell me the capital of {a}.", "What is {a}'s capital?", "Do you know the capital of {a}?", "What city is the capital of {a}?", "Can you tell me the capital of {a}?", "Please name the capital city of {a}.", "What's the capital of {a}?", "capital of {a}?", "I forgot the capital of {a}. What is it?", "The capital of {a} is which city?", "What do we call the capital of {a}?", "Which city is {a}'s capital?"],
      test: ["Could you tell me what the capital of {a} is?", "What is the name of the capital of {a}?", "Which city do we call the capital of {a}?", "Please tell me the capital city of {a}."],
    },
    answer: "The capital of {a} is {b}.",
    back: {
      asked: {
        train: ["{b} is the capital of which country?", "Which country has the capital {b}?", "Of which country is {b} the capital?", "What country is {b} the capital of?", "Name the country whose capital is {b}.", "{b} is a capital. Of which country?"],
        test: ["Which country's capital is {b}?", "Tell me the country that has {b} as its capital."],
      },
      answer: "{b} is the capital of {a}.",
    },
  },
  {
    name: "continent",
    pairs: CONTINENTS.flatMap(([continent, countries]) => countries.split("|").map((country): [string, string] => [country, continent])),
    told: {
      train: ["{a} is a country in {b}.", "{a} is in {b}.", "{a} lies in {b}.", "The country of {a} is part of {b}.", "You can find {a} in {b}.", "{a} belongs to the continent of {b}.", "One of the countries in {b} is {a}."],
      test: ["On a map of the world, {a} is in {b}.", "The continent of {a} is {b}."],
    },
    asked: {
      train: ["On which continent is {a}?", "Where is {a}?", "In which part of the world is {a}?", "Which continent is {a} in?", "What continent does {a} belong to?", "Where can I find {a} on the map?", "Tell me the continent of {a}.", "Is {a} in Europe, Asia, Africa or America?"],
      test: ["What is the continent of {a}?", "Tell me on which continent {a} lies.", "Where on the map is {a}?"],
    },
    answer: "{a} is in {b}.",
  },
  {
    name: "language",
    pairs: pairs("France: French, Spain: Spanish, Italy: Italian, Germany: German, Portugal: Portuguese, Greece: Greek, Poland: Polish, Hungary: Hungarian, Sweden: Swedish, Norway: Norwegian, Denmark: Danish, Finland: Finnish, Japan: Japanese, China: Chinese, Russia: Russian, Turkey: Turkish, Mexico: Spanish, Brazil: Portuguese, Egypt: Arabic, England: English, Argentina: Spanish, Austria: German, Iceland: Icelandic, Vietnam: Vietnamese, Thailand: Thai, Romania: Romanian, Bulgaria: Bulgarian, Ukraine: Ukrainian, Peru: Spanish, Chile: Spanish, Cuba: Spanish, Morocco: Arabic, Iraq: Arabic"),
    told: {
      train: ["People in {a} speak {b}.", "In {a}, people speak {b}.", "The language of {a} is {b}.", "{b} is spoken in {a}.", "Most people in {a} speak {b}.", "If you visit {a}, you will hear {b}.", "Children in {a} learn {b} at home."],
      test: ["The people of {a} speak {b}.", "To talk with people in {a}, you need {b}."],
    },
    asked: {
      train: ["What language do people speak in {a}?", "Which language is spoken in {a}?", "What is the language of {a}?", "What do people speak in {a}?", "Tell me the language of {a}.", "Which language do they speak in {a}?", "I am going to {a}. Which language will I hear?", "Name the language of {a}."],
      test: ["In {a}, which language do people speak?", "What language is spoken by people in {a}?"],
    },
    answer: "People in {a} speak {b}.",
  },
]; // biome-ignore format: tables
